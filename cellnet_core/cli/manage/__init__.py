"""`cellnet-manage`: works on the manager's database itself, also while the API is down.

Knows the store, and the manager's services where a change is to be made as the API makes it. Must not talk to
the API; a manager that runs meanwhile sees what is changed here with its next look.
"""
