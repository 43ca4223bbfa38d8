"""Leads the connections of a Python process to archal, which serves the clones and refuses the rest.

Python loads it at its start from PYTHONPATH; what it has to know stands in `shim.json` beside it.
A `sitecustomize` that was there before is loaded too.
"""


def _install():
    import errno
    import json
    import os
    import socket
    import threading

    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "shim.json"), encoding="utf-8") as file:
        settings = json.load(file)
    door = ("127.0.0.1", settings["port"])
    allow = set(settings["allow"])
    # Where calls are recorded nothing else is led: [host, port, the port of archal].
    only = settings.get("only")
    own = socket.gethostname().lower()
    served = {80, 443}
    addresses, names = {}, {}
    lock = threading.Lock()

    def bare(host):
        if isinstance(host, (bytes, bytearray)):
            host = bytes(host).decode("ascii", "replace")
        return str(host).lower().rstrip(".")

    def is_address(host):
        for family in (socket.AF_INET, socket.AF_INET6):
            try:
                socket.inet_pton(family, host.split("%")[0])
                return True
            except (OSError, ValueError):
                pass
        return False

    def is_local(host):
        if host is None or host in ("", b""):
            return True
        host = bare(host)
        return (host in ("localhost", "::1", "::", "0.0.0.0", "<broadcast>", own)
                or host.endswith(".localhost")
                or host.startswith(("127.", "::ffff:127.")))

    def stands_for(host):
        """An address from the range for benchmarks, which no machine has, in place of a name's own."""
        with lock:
            if host not in addresses:
                number = len(addresses) + 1
                address = "198.18.%d.%d" % (number >> 8 & 255, number & 255)
                addresses[host], names[address] = address, host
            return addresses[host]

    def recorded(host, port):
        """The port of archal for a host that is recorded; any of its ports where none is asked for."""
        name = "localhost" if is_local(host) else bare(host)
        for named, at, to in only:
            fits = (name.endswith(named[1:]) and len(name) > len(named) - 1 if named.startswith("*")
                    else name == ("localhost" if is_local(named) else named))
            if fits and (port is None or port == at):
                return to
        return None

    def is_led(host, port):
        if only is not None:
            return not is_local(host) and not is_address(bare(host)) and recorded(host, None) is not None
        if is_local(host) or is_address(bare(host)):
            return False
        return "%s:%s" % (bare(host), port) not in allow

    look_up = socket.getaddrinfo

    def getaddrinfo(host, port, *arguments, **more):
        if is_led(host, port):
            host = stands_for(bare(host))
        return look_up(host, port, *arguments, **more)

    look_up_one = socket.gethostbyname

    def gethostbyname(host):
        return stands_for(bare(host)) if is_led(host, None) else look_up_one(host)

    socket.getaddrinfo = getaddrinfo
    socket.gethostbyname = gethostbyname
    connect = socket.socket.connect

    def report(host, port):
        """Tells archal what was refused here, for the evidence."""
        target = "[%s]:%s" % (host, port) if ":" in host else "%s:%s" % (host, port)
        try:
            with socket.socket() as told:
                told.settimeout(5)
                connect(told, door)
                told.sendall(("CONNECT %s HTTP/1.1\r\nhost: %s\r\n\r\n" % (target, target)).encode())
                told.recv(1)
        except OSError:
            # Archal may be gone when the process ends late; the refusal stands either way.
            pass

    def to_door(self, place):
        return place if self.family == socket.AF_INET else ("::ffff:" + place[0], place[1])

    def led(self, address):
        """Where a connection goes instead; none where it is refused."""
        if (self.family not in (socket.AF_INET, socket.AF_INET6)
                or self.type != socket.SOCK_STREAM
                or not isinstance(address, tuple) or len(address) < 2):
            return address
        host, port = bare(address[0]), address[1]
        if only is not None:
            name = names.get(host, host)
            to = recorded(name, port)
            if to is not None:
                return to_door(self, ("127.0.0.1", to))
            # Another port of a host that is recorded: its own address after all.
            return look_up(name, port, self.family, self.type)[0][4] if host in names else address
        if is_local(host):
            return address
        host = names.get(host, host)
        if "%s:%s" % (host, port) in allow:
            return address
        if port in served:
            return to_door(self, door)
        report(host, port)
        return None

    def refused(address):
        told = "Connection refused by archal: %s:%s" % address[:2]
        return ConnectionRefusedError(errno.ECONNREFUSED, told)

    def connect_led(self, address):
        to = led(self, address)
        if to is None:
            raise refused(address)
        return connect(self, to)

    connect_ex = socket.socket.connect_ex

    def connect_ex_led(self, address):
        to = led(self, address)
        return errno.ECONNREFUSED if to is None else connect_ex(self, to)

    socket.socket.connect = connect_led
    socket.socket.connect_ex = connect_ex_led

    try:
        import ssl
    except ImportError:
        return
    authority = settings["authority"]
    context = ssl.SSLContext
    load_verify_locations = context.load_verify_locations

    def also(method):
        def trusting(self, *arguments, **more):
            answer = method(self, *arguments, **more)
            load_verify_locations(self, cafile=authority)
            return answer
        return trusting

    for name in ("load_verify_locations", "load_default_certs", "set_default_verify_paths"):
        setattr(context, name, also(getattr(context, name)))


def _hand_on():
    """Loads the `sitecustomize` that Python would have loaded without this one."""
    import importlib.machinery
    import importlib.util
    import os
    import sys

    here = os.path.dirname(os.path.abspath(__file__))
    others = [path for path in sys.path if os.path.abspath(path or ".") != here]
    found = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if found is not None and found.loader is not None:
        module = importlib.util.module_from_spec(found)
        sys.modules["sitecustomize"] = module
        found.loader.exec_module(module)


_install()
_hand_on()
