"""OpenFlow 1.3: what a gateway's tables shall hold, as values, and the controller process that writes them.

It knows switches, flows and groups. It must not know connections, sessions or who wants what and why: that
comes in as a `ForwardingIntent`. Only `controller_app` imports an OpenFlow library.
"""
