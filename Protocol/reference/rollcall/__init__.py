"""A second implementation of the Rollcall protocol, written from SPEC.md."""
