"""The gRPC services of execution: convert, call, convert."""
