"""The automation service: follows failed runs, diagnoses them, and proposes repairs that execution has proved."""
