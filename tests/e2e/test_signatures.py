import json
import unittest

from jobhost import WIDE, JobhostTest

NM = [-0.0, 0.25]
CALLS = [  # kernel, inputs, result
    ("grow", ["v=[1,2,3]", "by=10"], {"result": 3, "v": [11, 12, 13]}),
    ("negate", ["x=3"], -3),
    ("swap_them", ["a=1", "s=hi"], {"a": 2, "s": "hi!"}),
    ("boxed", ["p=4"], 8),
    ("boxed", ["p=null"], None),
    ("flip", ["v=1"], 2),
    ("flip", ["v=2.5"], [2.5, 2.5]),
    ("flip", ["v:=abc"], "abc?"),
    ("unique_of", ["v=[3,1,3,2]"], [1, 2, 3]),
    ("set_size", ['s=["a","b"]'], 2),
    ("totals", ['m={"z":1,"a":2}'], {"z": 1, "a": 2, "total": 0}),
    ("square", ['z={"real":1,"imag":2}'], {"real": -3, "imag": 4}),
    ("doubled", ["s=3"], 6000),
    ("parent", ["p=/usr/include/x.h"], "/usr/include"),
    ("regrid", ['g={"n":[1,2,3],"tag":"x","m":[[1,2],[3,4]],"name":"nm","v":[9]}'],
     {"n": [3, 2, 3], "tag": "x", "m": [[1, 2], [3, 7]], "name": "nm", "v": [9]}),
    ("solve", ["a=[[2,0],[0,4]]", "b=[2,4]"], [1, 1]),
    ("inverse", ["m=[[2,0],[0,4]]"], [[0.5, 0], [0, 0.25]]),
    ("dot", ["a=[1,2,3]", "b=[4,5,6]"], 32),
    ("times", ['a={"rows":2,"cols":3,"values":[1,2,3,4,5,6]}', "b=[1,0,1]"], [6, 8]),
    ("deposit", ['a={"owner":"Ada","cents":5}', "cents=3"], {"owner": "Ada", "cents": 8}),
    ("both", ['a={"owner":"A","cents":5}', 'more=[{"owner":"B","cents":1}]'],
     [{"owner": "B", "cents": 1}, {"owner": "A", "cents": 5}]),
    ("scaled", ["x=3"], 6),
    ("scaled", ["x=3", "factor=5"], 15),
    ("scaled", ["x=3", "factor=5", "times=2"], 30),
    ("bits", ["b=[true,false]"], [True, False]),
    ("mm", ['m={"1":2}'], {"1": 2}),
    ("plus_one", ["x=1"], 2),
    ("unit", [":::", "3"], {}),
]


class Signatures(JobhostTest):
    def test_every_kind_of_value_travels(self):
        for kernel, inputs, result in CALLS:
            with self.subTest(kernel=kernel, inputs=inputs):
                rows = self.rows("run", f"{WIDE}:{kernel}", *inputs)
                self.assertEqual(rows[0]["result"], result)

    def test_all_of_them_are_kernels(self):
        listed = json.loads(self.run_jobhost("kernels", WIDE, "--json").out)
        self.assertEqual({kernel["name"] for kernel in listed["kernels"]}, {kernel for kernel, _, _ in CALLS})

    def test_what_cereal_misses_in_a_value_is_the_tasks_failure(self):
        rows = self.rows("run", f"{WIDE}:deposit", 'a={"nobody":1}', "cents=1", code=1)
        self.assertIn("owner", rows[0]["error"]["what"])

    def test_a_default_in_the_middle_must_be_given(self):
        printed = self.refused("run", f"{WIDE}:scaled", "x=3", "times=5", code=2)
        self.assertIn("parameter 'factor' of 'scaled' has no value", printed)


if __name__ == "__main__":
    unittest.main()
