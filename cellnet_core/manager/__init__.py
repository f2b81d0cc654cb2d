"""What is wanted between cells and what is known of it: decisions as pure functions, thin services around.

Pure: `addresses`, `resolution`, `pairing`, `intent`, `stage`, `status`, `survey`. Services: `cells`,
`endpoints`, `connections`, `agents`, `monitor`, `topology`. Must not know HTTP, call an agent, or wait for a
remote machine.
"""
