"""The tests of jobs on Slurm once more on two hosts with networks and names of their own, and with the link between them
cut in the middle of a job."""
import os
import unittest

import test_slurm
from slurm import SlurmCluster, require_slurm
from test_slurm import HOSTILE


def setUpModule():
    require_slurm("two")
    test_slurm.cluster = SlurmCluster(max_array_size=9, hosts="two")
    test_slurm.cluster.start()
    unittest.addModuleCleanup(test_slurm.cluster.stop)
    os.environ["SLURM_CONF"] = test_slurm.cluster.environment["SLURM_CONF"]


class SlurmOnTwoHosts(test_slurm.Slurm):
    # What has nothing to do with where nodes are, and takes time.
    test_a_time_limit_is_no_loss_when_workers_are_submitted_again = None
    test_sacct_tells_of_workers_that_squeue_forgot_from_the_file_of_completed_jobs = None
    test_a_stand_in_for_sacct_with_accounting_is_asked_once_for_all = None
    test_without_records_nothing_is_said_of_them = None
    test_options_are_passed_on_as_they_are = None
    test_defaults_of_slurms_commands_do_not_get_in_the_way = None
    test_what_no_node_can_give_is_told = None
    test_a_job_that_comes_home_has_as_many_lanes_as_are_usual_here = None

    def test_a_link_that_is_cut_and_healed_loses_nothing(self):
        """Slurm takes the node for dead and queues its tasks again, while their workers go on beyond the cut."""
        process = self.start("run", f"{HOSTILE}:counted", "x=1..2000", f"file={self.folder}/ran", "microseconds=100000", "-b",
                             "slurm", "-j", "6", "-o", "out.csv")
        self.wait_until(lambda: self.running() == 6, "not all run")
        test_slurm.cluster.cut("n2")
        try:
            self.wait_until(lambda: any(entry["state"] == "PENDING" for entry in test_slurm.cluster.queue()),
                            "the lost tasks are not queued again", 90)
        finally:
            test_slurm.cluster.heal("n2")
        said = process.communicate(timeout=300)[1]
        self.assertEqual(process.returncode, 0, said)
        times = self.expect_log_of_executions(2000)
        self.assertEqual(self.read("out.csv").count("\n"), 2001)
        self.assertLess(sum(times.values()), 2100)


if __name__ == "__main__":
    unittest.main()
