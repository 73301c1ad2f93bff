"""Everything of a project on this machine, as supervised processes.

>>> from retread.app.supervisor import delay_before_restart
>>> [delay_before_restart(deaths) for deaths in (1, 2, 3, 9)]
[0.5, 1.0, 2.0, 30.0]
"""

from retread.app.supervisor.addresses import Addresses, addresses_of, serving_address
from retread.app.supervisor.down import take_down
from retread.app.supervisor.lock import is_held
from retread.app.supervisor.restart import delay_before_restart
from retread.app.supervisor.service import Service, services_of
from retread.app.supervisor.state import (
    ServiceState,
    ServiceStatus,
    Status,
    lock_file,
    running_status,
)
from retread.app.supervisor.supervise import Supervisor
from retread.app.supervisor.up import bring_up, refuse_taken_ports

__all__ = [
    "Addresses",
    "Service",
    "ServiceState",
    "ServiceStatus",
    "Status",
    "Supervisor",
    "addresses_of",
    "bring_up",
    "delay_before_restart",
    "is_held",
    "lock_file",
    "refuse_taken_ports",
    "running_status",
    "services_of",
    "serving_address",
    "take_down",
]
