"""kanband as a service: the units that travel with us, and the manager that has them.

``texts`` knows what is to be installed, ``files`` what is there, ``manager`` talks to
systemd. Only the commands ``service …`` import it.
"""
