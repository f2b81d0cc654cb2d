"""Makes a topology run: sandbox, lab daemon and client, Mininet backend, supervisor, faults, probes.

Knows namespaces, processes and the command lines of the services. Must not know what the services think:
it imports `topologies` and nothing else of this project.
"""
