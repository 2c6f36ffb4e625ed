#!/usr/bin/env python3
"""Leaves out one part of restoring or checking the calling context after the other, and shows which test notices."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "support"))
from mutation import PythonTest as T, run_mutants

# name, file under core/src, text, what is there instead, test that must fail
MUTANTS = [
    ("working directory", "context/restore.cpp", "::chdir(context.working_directory.c_str()) != 0", "false",
     T("context/test_process.Process.test_working_directory")),
    ("umask", "context/restore.cpp", "::umask(context.umask);", "", T("context/test_process.Process.test_umask")),
    ("arguments", "worker/surroundings.cpp", "Surroundings wanted{context.arguments,", 'Surroundings wanted{{"jobhost-executor"},',
     T("context/test_process.Process.test_arguments")),
    ("environment", "worker/surroundings.cpp",
     "if (context.whole) wanted.environment = context::restored_environment(context, wanted.environment);", "",
     T("context/test_process.Process.test_environment")),
    ("environment of the machine", "context/environment.cpp", "if (asked || travel_of(name) == Travel::kOfMachine)", "if (asked)",
     T("context/test_process.Process.test_environment_of_the_machine")),
    ("secrets", "context/environment.cpp", "if (!looks_secret(name, chosen)) {", "if (true) {", T("context/test_process.Process.test_secrets")),
    ("secrets among what travels", "context/environment.cpp", "travel == Travel::kCaptured && !looks_secret(name, value)",
     "travel == Travel::kCaptured", T("context/test_process.Process.test_secrets")),
    ("withheld variables", "worker/lookup_watch.cpp", "set_lookup_observer(&look_up);", "",
     T("context/test_process.Process.test_withheld_variables_are_told_when_looked_up")),
    ("limits", "context/restore.cpp", "restore_limits(context);", "", T("context/test_process.Process.test_limits")),
    ("stack of the process", "worker/surroundings.cpp", "context::restore_limits(stack);", "",
     T("context/test_process.Process.test_stack_of_lanes")),
    ("stack of lanes", "worker/tbb_lanes.cpp", "tbb::global_control stack(", "if (false) tbb::global_control stack(",
     T("context/test_process.Process.test_stack_of_lanes")),
    ("niceness", "context/restore.cpp", "add(restore_niceness(context.niceness));", "", T("context/test_process.Process.test_niceness")),
    ("processors", "context/restore.cpp", "add(restore_processors(context.processors, place.first_lane, place.lanes));", "",
     T("context/test_process.Process.test_processors")),
    ("time zone of the machine", "context/restore.cpp", "restore_time_zone(context);", "",
     T("context/test_process.Process.test_time_zone_of_the_machine")),
    ("locale", "context/locale.cpp", "!std::setlocale(category, value.c_str())", "false", T("context/test_program.Program.test_locale")),
    ("std::locale", "context/locale.cpp", "std::locale::global(std::locale(context.cpp_locale));", "",
     T("context/test_program.Program.test_cpp_locale")),
    ("portable mathematics", "context/capture.cpp", "if (wishes.portable_math) make_math_portable(context);", "",
     T("context/test_process.Process.test_portable_mathematics")),
    ("rounding", "context/floating_point.hpp", "_mm_setcsr(mxcsr);", "_mm_setcsr(mxcsr & ~0x6000U);",
     T("context/test_program.Program.test_rounding")),
    ("denormals", "context/floating_point.hpp", "_mm_setcsr(mxcsr);", "_mm_setcsr(mxcsr & ~0x8040U);",
     T("context/test_program.Program.test_denormals")),
    ("exception masks", "context/floating_point.hpp", "_mm_setcsr(mxcsr);", "_mm_setcsr(mxcsr | 0x1f80U);",
     T("context/test_program.Program.test_traps")),
    ("x87", "context/floating_point.hpp", '__asm__ volatile("fnclex\\n\\tfldcw %0" : : "m"(x87));', "",
     T("context/test_program.Program.test_x87")),
    # Without the first alone, the second would see the difference, and run the batch again with the right arithmetic.
    ("arithmetic of a batch", "worker/lane.cpp",
     ("if (!usual_arithmetic_) context_.floating.apply();", "changed && !one_by_one_"), ("", "false"), T("context/test_program.Program.test_rounding")),
    ("arithmetic after a batch", "worker/lane.cpp", "changed && !one_by_one_", "false",
     T("context/test_arithmetic.Arithmetic.test_a_task_that_changes_it")),
    ("arithmetic of later tasks", "worker/lane.cpp", "  context_.floating.enter();\n  const std::uint64_t completed",
     "  const std::uint64_t completed", T("context/test_arithmetic.Arithmetic.test_a_task_that_changes_it")),
    ("loading of -ffast-math", "worker/prepared_job.cpp", "if (context::FloatingPoint::current() == before) return;", "return;",
     T("context/test_arithmetic.Arithmetic.test_code_that_is_linked_with_fast_math")),
    ("captured globals", "worker/prepared_job.cpp", "plugin_.set_global(global.symbol, global.value, global.library);", "(void)global;",
     T("context/test_globals.Globals.test_captured_globals")),
    ("isolated globals", "worker/executor.cpp", "if (manifest.isolate_globals) context.before_task", "if (false) context.before_task",
     T("context/test_globals.Globals.test_isolated_globals")),
    ("isolated globals of a program", "worker/prepared_job.cpp", "plugin_.forget_registered();", "",
     T("context/test_program.Program.test_isolated_globals")),
    ("changed globals", "worker/data_watch.cpp", "if (now[i] == part.copy[i]) continue;", "continue;",
     T("context/test_globals.Globals.test_changed_globals_are_named")),
    ("initialiser", "worker/prepared_job.cpp", "initialise(manifest.init, plugin_,", "if (false) initialise(manifest.init, plugin_,",
     T("context/test_globals.Globals.test_initialiser")),
    ("code that was submitted", "worker/stage.cpp", "staged.plugin = stage(env, cache, job, manifest.plugin);",
     "staged.plugin = manifest.plugin.origin;", T("e2e/test_identity.Identity.test_a_job_keeps_the_code_it_was_submitted_with")),
    ("files that were loaded", "worker/prepared_job.cpp", "verify_loaded(manifest, plan);", "",
     T("e2e/test_identity.Identity.test_a_library_that_the_loader_takes_from_elsewhere_is_refused")),
    ("fit of the machine", "worker/head_start.cpp", "check_machine(env_, manifest_, code)", "std::vector<std::string>()",
     T("e2e/test_identity.Fit.test_code_for_another_processor_is_refused_in_one_sentence")),
]
SHORT = {"umask", "arithmetic after a batch", "captured globals"}
HEADER_USERS = {"context/floating_point.hpp": ("worker/lane.cpp", "worker/prepared_job.cpp", "worker/executor.cpp")}

if __name__ == "__main__":
    sys.exit(run_mutants(__doc__, MUTANTS, SHORT, HEADER_USERS))
