"""The five services of MAESTRO, their runtime, the worker, and the embedded platform."""
