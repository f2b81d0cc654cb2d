"""The lab's commands: thin shells around the client. They parse words and print; they decide nothing."""
