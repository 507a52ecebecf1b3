"""Exports normalizing flows of zuko, nflows, normflows and FlowJAX to `flow import`.

    from flow_bridge import export

    export(flow, "vibration", standardise=scaler, columns=["x", "y", "z"], golden=test_rows)
    # flow import vibration.safetensors --manifest vibration.json -o vibration.flow

The files hold the tensors, what a state dictionary does not say (activations, bins, bounds, minima, which way a layer
goes), and golden rows: events with the log-likelihoods that the library gives. An import that does not reproduce them
fails.
"""

from .error import ExportError
from .export import export
from .manifest import Layer, Manifest, Settings, Standardise

__all__ = ["ExportError", "Layer", "Manifest", "Settings", "Standardise", "export"]
