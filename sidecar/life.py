"""Where the process is in its life; both lanes and the admin side look here."""


class Life:
    """`draining` once a signal to stop has come: answers then close their connections."""

    draining = False
