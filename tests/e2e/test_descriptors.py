"""Tasks that reach for file descriptors that they did not open."""
from jobhost import POISON, JobhostTest


class Descriptors(JobhostTest):
    def inputs(self, how):
        self.write("in.csv", "x,how\n" + "".join(f"{x},{how if x == 50 else ''}\n" for x in range(100)))

    def test_what_a_task_writes_into_logs_and_shared_memory_harms_nobody(self):
        self.inputs("scribble")
        for mode in "processes", "threads":
            with self.subTest(mode=mode):
                rows = self.rows("run", f"{POISON}:poison", "--csv", "in.csv", "-j2", "-b", mode, code=1)
                self.assertEqual([row.get("result") for row in rows], [None if x == 50 else x * x for x in range(100)])
                self.assertIn("descriptors", str(rows[50]["error"]))
                self.run_jobhost("verify")

    def test_a_task_that_cuts_logs_costs_results_and_no_process(self):
        self.inputs("cut")
        for mode in "processes", "threads":
            with self.subTest(mode=mode):
                err = self.run_jobhost("run", f"{POISON}:poison", "--csv", "in.csv", "-j1", "-b", mode, code=5).err
                while "it changed while it was read" in err:  # a host that read along ended before it was known which task
                    err = self.run_jobhost("resume", code=5).err
                self.assertIn("results that were committed there are lost", err)
                rows = self.rows("resume", code=1)
                self.assertEqual([row.get("result") for row in rows], [None if x == 50 else x * x for x in range(100)])
                self.assertIn("descriptors", str(rows[50]["error"]))
