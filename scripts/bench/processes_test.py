"""python3 -m unittest discover -s scripts/bench -p '*_test.py'"""

import os
import unittest

import processes

DUMP = '''\
"n1~a12f@group-0123456789AB-StateMachineUpdater" #52 [17621] daemon prio=5 os_prio=0 cpu=1.8ms nid=17621 runnable  [0x1]
   java.lang.Thread.State: RUNNABLE
\tat a.B.c(B.java:1)

"main" #1 [7] prio=5 nid=7 waiting on condition  [0x2]
'''


class ProcessesTest(unittest.TestCase):
    def test_names_in_a_dump_belong_to_threads_of_the_kernel(self):
        self.assertEqual(processes.whole_names(DUMP), {17621: "n1~a12f@group-0123456789AB-StateMachineUpdater", 7: "main"})

    def test_threads_of_a_kind_have_one_name(self):
        for name, pattern in {
            "n1~a12f@group-0123456789AB->n2~0b-PushingAppender": "node@group-N->node-PushingAppender",
            "n1~a12f@group-0123456789AB-LeaderElection55-2": "node@group-N-LeaderElectionN-N",
            "timer3": "timerN",
        }.items():
            self.assertEqual(processes.pattern_of(name), pattern)

    def test_heap_is_read_from_its_description(self):
        info = "12:\n garbage-first heap   total reserved 6168576K, committed 262144K, used 45678K [0x1, 0x2)\n"

        self.assertEqual(processes.heap(info), {"heap_used_bytes": 45678 * 1024, "heap_committed_bytes": 262144 * 1024})

    def test_this_process_holds_something(self):
        held = processes.holdings(os.getpid())

        self.assertTrue(all(value > 0 for value in held.values()), held)
        self.assertGreater(processes.cpu_seconds(os.getpid()), 0)


if __name__ == "__main__":
    unittest.main()
