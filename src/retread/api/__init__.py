"""What `import retread` offers: the operations of the command line, on objects.

>>> import retread
>>> project = retread.init(folder / "inspection", template="iris")
>>> data = project.data.add("iris.csv")
>>> data.reference, data.rows
('iris@1', 150)
>>> runs = project.train(scenario="forests", seed=1)
>>> best = runs.best("Loss")
>>> best.gate().outcome.value
'pass'
>>> best.promote(reason="first model").version == project.production.number
True

`project.client()` sends requests to the running server (`project.up()`) and records labels;
`project.lineage(id)` traces a prediction.
"""

from retread.api.project import Datasets, Monitoring, Project, TrainingOptions, init, open
from retread.api.versions import Run, Runs, Version

__all__ = [
    "Datasets",
    "Monitoring",
    "Project",
    "Run",
    "Runs",
    "TrainingOptions",
    "Version",
    "init",
    "open",
]
