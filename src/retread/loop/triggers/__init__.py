"""One kind of trigger per file. What a file defines: `retread.loop.trigger_interface`."""

__all__: list[str] = []
