"""The services of a project on this machine, as supervised processes.

>>> from retread.app.supervisor import delay_before_restart
>>> [delay_before_restart(failures) for failures in (1, 2, 3, 9)]
[0.5, 1.0, 2.0, 30.0]
"""

from retread.app.supervisor.lifecycle import bring_up, refuse_taken_ports, take_down
from retread.app.supervisor.orphans import SUPERVISED_BY
from retread.app.supervisor.process import ServiceProcess, stop_all
from retread.app.supervisor.service import (
    Addresses,
    Service,
    addresses_of,
    free_port,
    is_free,
    services_of,
    serving_address,
)
from retread.app.supervisor.state import (
    ServiceState,
    ServiceStatus,
    SupervisorStatus,
    abandoned_status,
    health_file,
    is_supervised,
    running_status,
)
from retread.app.supervisor.supervised import delay_before_restart
from retread.app.supervisor.supervisor import ServiceSupervisor

__all__ = [
    "SUPERVISED_BY",
    "Addresses",
    "Service",
    "ServiceProcess",
    "ServiceState",
    "ServiceStatus",
    "ServiceSupervisor",
    "SupervisorStatus",
    "abandoned_status",
    "addresses_of",
    "bring_up",
    "delay_before_restart",
    "free_port",
    "health_file",
    "is_free",
    "is_supervised",
    "refuse_taken_ports",
    "running_status",
    "services_of",
    "serving_address",
    "stop_all",
    "take_down",
]
