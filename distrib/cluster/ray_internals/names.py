"""Every name that is private to Ray and used or replaced in this package: what it must be, and why.

A name is written `module:name.name`. A callable has the names of its parameters; "object" is any
value; "attribute" is one that the class's methods give each of its objects.
"""

from __future__ import annotations

import importlib
import inspect
import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Name:
    """A name of Ray's.

    Attributes:
        shape: parameters as "(a, b)", or "object", or "attribute".
        why: what changes for a study if it does.
    """

    name: str
    shape: str
    why: str


_SERVICES = "ray._private.services"
_NODE = "ray._private.node:Node"
_WORKER = "ray._private.worker"
_RAYLET = "ray._raylet"
_MANAGER = "ray.air.execution._internal.actor_manager:RayActorManager"
_TUNE = "ray.tune.execution"
_CONTROLLER = f"{_TUNE}.tune_controller:TuneController"
_TRIAL = "ray.tune.experiment:Trial"
_TRAIN = "ray.train.v2._internal.execution"
_TRAINER = "ray.train.v2.api.data_parallel_trainer:DataParallelTrainer"
_POLICY = f"{_TRAIN}.scaling_policy"

NAMES = (
    # start
    Name(f"{_SERVICES}:get_node", "(gcs_address, node_id)", "its start would wait a second longer"),
    Name(f"{_SERVICES}:_get_gcs_client_options", "(gcs_server_address)", "the same"),
    Name(
        "ray._private.state:GlobalState._initialize_global_state", "(self, gcs_options)", "the same"
    ),
    Name("ray._private.state:GlobalState.node_table", "(self)", "the same"),
    Name(
        "ray._private.utils:set_sigterm_handler",
        "(sigterm_handler)",
        "SIGTERM would end a driver at once",
    ),
    Name(f"{_NODE}.start_monitor", "(self)", "an autoscaler would run beside a local study"),
    Name(f"{_NODE}.start_api_server", "(self, *)", "a dashboard would"),
    Name(f"{_NODE}.start_log_monitor", "(self)", "a reader of logs would"),
    Name(f"{_NODE}.all_processes", "attribute", "nobody could end, or watch, what Ray has started"),
    Name(
        f"{_SERVICES}:start_ray_process",
        "(command, process_type, fate_share, env_updates, cwd, use_valgrind, use_gdb, "
        "use_valgrind_profiler, use_perftools_profiler, use_tmux, stdout_file, stderr_file, "
        "pipe_stdin)",
        "agents would run beside a study",
    ),
    Name(
        f"{_SERVICES}:ConsolePopen", "object", "`timeout` and Slurm would end Ray before the driver"
    ),
    Name(
        f"{_WORKER}:_maybe_modify_runtime_env",
        "(runtime_env, _skip_env_hook)",
        "an agent under `uv run`",
    ),
    Name(
        f"{_WORKER}:print_to_stdstream",
        "(data, ignore_prefix)",
        "a page for each process that died",
    ),
    Name(f"{_WORKER}:_global_node", "object", "nobody could end, or watch, what Ray has started"),
    Name(
        "ray._private.ray_constants:ENABLE_RAY_CLUSTER",
        "object",
        "a local study's Ray would listen on all interfaces",
    ),
    Name("ray._private.ray_constants:PROCESS_TYPE_RAYLET", "object", "the same"),
    Name("ray._private.ray_constants:PROCESS_TYPE_GCS_SERVER", "object", "the same"),
    Name(
        f"{_RAYLET}:persist_port",
        "(dir, node_id, port_name, port)",
        "a raylet would wait for its agents",
    ),
    Name(f"{_RAYLET}:METRICS_AGENT_PORT_NAME", "object", "the same"),
    Name(f"{_RAYLET}:METRICS_EXPORT_PORT_NAME", "object", "the same"),
    Name(f"{_RAYLET}:DASHBOARD_AGENT_LISTEN_PORT_NAME", "object", "the same"),
    Name(f"{_RAYLET}:RUNTIME_ENV_AGENT_PORT_NAME", "object", "the same"),
    Name(
        f"{_NODE}.raylet_socket_name", "object", "a driver that lost Ray would end without a word"
    ),
    # tune
    Name(f"{_MANAGER}.next", "(self, timeout)", "Tune would look ten times a second"),
    Name(
        f"{_MANAGER}._cleanup_actor",
        "(self, tracked_actor)",
        "a process might wait for ever in its end",
    ),
    Name(f"{_MANAGER}._live_actors_to_ray_actors_resources", "attribute", "the same"),
    Name(
        f"{_MANAGER}._actor_task_failed",
        "(self, tracked_actor_task, exception)",
        "a study would end where Ray's memory monitor ends a trial",
    ),
    Name(f"{_MANAGER}.pending_actors", "object", "short trials would take turns in one process"),
    Name(f"{_CONTROLLER}._actor_manager", "attribute", "the same"),
    Name(f"{_CONTROLLER}._pending_trials", "attribute", "the same"),
    Name(f"{_CONTROLLER}._trial_to_actor", "attribute", "the same, and a death would count twice"),
    Name(
        f"{_CONTROLLER}._resetting_trials",
        "attribute",
        "a death between two trials would fail the next",
    ),
    Name(f"{_CONTROLLER}._trial_task_failure", "(self, trial, exception)", "the same"),
    Name(f"{_CONTROLLER}._schedule_trial_stop", "(self, trial, exception)", "the same"),
    Name(f"{_CONTROLLER}._requeue_trial", "(self, trial)", "the same"),
    Name(
        f"{_TUNE}.tune_controller:TrialRunnerWrapper._tune_controller",
        "attribute",
        "short trials would take turns in one process",
    ),
    Name(
        f"{_TRIAL}.set_ray_actor",
        "(self, ray_actor)",
        "a question to each process, before each trial",
    ),
    Name(
        f"{_TRIAL}.temporary_state", "attribute", "the process of a stalled trial would be unknown"
    ),
    Name(f"{_TRIAL}.num_failures", "object", "a death between two trials would count"),
    Name(
        f"{_TRIAL}.max_failures",
        "attribute",
        "a trial that is ended for its stall would be begun again",
    ),
    Name(
        f"{_TUNE}.experiment_state:_ExperimentCheckpointManager.sync_up_experiment_state",
        "(self, save_fn, force, wait)",
        "Tune would write a record of its own",
    ),
    Name("ray.tune.tune:ExperimentAnalysis", "object", "and read it at the end"),
    Name(
        "ray.tune.registry:_global_registry.get",
        "(category, key)",
        "five questions to the head a trial",
    ),
    Name("ray.tune.registry:_global_registry.contains", "(category, key)", "the same"),
    Name(
        f"{_TUNE}.class_cache:DEFAULT_ENV_VARS",
        "object",
        "no process that is there would do for a trial",
    ),
    Name(f"{_TUNE}.class_cache:ENV_VARS_TO_PROPAGATE", "object", "the same"),
    Name(
        "ray._private.state:actors",
        "(actor_id, job_id, actor_state_name)",
        "a stalled trial's process would be unknown, a cluster keep what a group held",
    ),
    # train
    Name(
        "ray._private.state:state.get_draining_nodes",
        "()",
        "a group would begin again on a node that goes",
    ),
    Name(
        f"{_RAYLET}:PlacementGroupID.from_hex", "(hex_id)", "a cluster would keep what a group held"
    ),
    Name(
        f"{_TRAIN}.controller.controller:TrainController.__init__",
        "(self, train_fn_ref, train_run_context, scaling_policy, failure_policy, callbacks, "
        "validation_config)",
        "no group could be begun",
    ),
    Name(
        f"{_TRAIN}.controller.controller:TrainController.worker_group_cls",
        "object",
        "workers would have environments of their own",
    ),
    Name(
        f"{_TRAIN}.worker_group.worker_group:WorkerGroup._get_worker_runtime_env",
        "(custom_runtime_env)",
        "the same",
    ),
    Name(
        f"{_TRAINER}._create_default_callbacks",
        "(self)",
        "detached processes would outlive their driver",
    ),
    Name(f"{_TRAINER}._initialize_and_run_controller", "(self, *)", "the same"),
    Name(
        f"{_POLICY}:ElasticScalingPolicy._count_possible_workers",
        "(self, reserved_resources)",
        "a group would begin again on a node that goes",
    ),
    Name(
        f"{_POLICY}:FixedScalingPolicy.after_controller_start",
        "(self, train_run_context)",
        "a coordinator would stay on the cluster",
    ),
    Name(f"{_POLICY}:FixedScalingPolicy._maybe_send_resource_request", "(self)", "the same"),
)


def found(name: str) -> str:
    """What a name is in the version of Ray that is installed, in the words of `Name.shape`."""
    module, _, path = name.partition(":")
    try:
        owner: Any = importlib.import_module(module)
    except ImportError as error:
        return f"no such module: {error}"
    for part in path.split("."):
        if hasattr(owner, part):
            owner = getattr(owner, part)
        elif inspect.isclass(owner) and _is_set(owner, part):
            return "attribute"
        else:
            return f"missing: {part} of {getattr(owner, '__name__', owner)}"
    if inspect.isclass(owner) or not callable(owner):
        return "object"
    try:
        parameters = inspect.signature(owner).parameters.values()
    except ValueError:  # of the part that is written in C++
        return "object"
    stars = [p for p in parameters if p.kind in (p.VAR_KEYWORD, p.KEYWORD_ONLY)]
    plain = [p.name for p in parameters if p not in stars]
    return f"({', '.join([*plain, *(['*'] if stars else [])])})"


def _is_set(owner: type, name: str) -> bool:
    """Whether methods of a class, or of one that it comes from, give its objects an attribute."""
    sources = (inspect.getsource(one) for one in owner.__mro__ if one is not object)
    return any(
        re.search(rf"\bself\.{name}\b\s*(:[^=]{{1,200}})?=[^=]", source) for source in sources
    )
