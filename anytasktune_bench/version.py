"""The one benchmark version, of package, data and tasks alike."""

__version__ = "0.1.0"
