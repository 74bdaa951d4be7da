"""A call of two in a laboratory network: begins it, watches it, ends it."""

import dataclasses
import os
import shutil
import threading
import time
from typing import Callable

import line
import nat
from members import LabError, Member, start_servers
from portmap import PortMapper
from sound import Gaps
from topology import Internet

# How long a host may take to get its code.
CODE_SECONDS = 10
# Voice that is missing for so long when a call ends is missing for good.
LAST_SECONDS = 1.0


@dataclasses.dataclass
class Setting:
    """The network of a call and the options of its members."""

    left: object
    # None: the second member is the second host of the left site.
    right: object = None
    relays: int = 2
    host_options: tuple = ()
    guest_options: tuple = ()
    # Sites with hosts for those who come later.
    others: tuple = ()
    # The network to which the first host can move.
    roaming: object = None
    # Whether the host has the signaling server inside, and a guest of the same site gets the code
    # without its address.
    is_local: bool = False
    # What is done to the hosts of the left site before anything starts; is given their nodes.
    prepare: Callable = None
    # Likewise, when the host has its code.
    meanwhile: Callable = None

    @property
    def ipv6(self):
        return any(site.ipv6 for site in (
            self.left, self.right, self.roaming, *self.others) if site)


class Call:
    """A context: networks and servers are there inside of it, and all is gone after it."""

    def __init__(self, stage, name, setting):
        self.stage = stage
        self.setting = setting
        self.folder = os.path.join(stage.folder, name)
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        self.internet = Internet(_short(name), setting.relays, setting.ipv6)
        self.hosts, self.routers = self.internet.site(setting.left)
        self.left_hosts = len(self.hosts)
        for site in (setting.right, *setting.others):
            if site:
                hosts, routers = self.internet.site(site)
                self.hosts += hosts
                self.routers += routers
        self.roaming_place = None
        if setting.roaming:
            self.roaming_place = self.internet.roaming(setting.roaming, self.hosts[0])
        self.servers, self.members, self.services, self.shims = {}, [], [], []
        self.host = self.guest = None
        self.code = None
        self.hosts_file = None

    def __enter__(self):
        try:
            self.internet.build()
            self._do(self.setting.prepare)
            self._start_shims()
            self.services = [
                PortMapper(router) for router in self.routers
                if nat.has_port_mapping(router.kind)]
            self.hosts_file = self.internet.hosts_file(self.folder)
            self.servers = start_servers(
                self.stage, self.internet, self.folder, self.hosts_file, self.setting.relays)
        except BaseException:
            self._clear()
            raise
        return self

    def _do(self, action):
        if action:
            action([host.node for host in self.hosts[:self.left_hosts]])

    def __exit__(self, *_):
        self._clear()

    def _clear(self):
        for member in self.members:
            member.kill()
        for server in self.servers.values():
            server.stop()
        for service in self.services:
            service.stop()
        for shim in self.shims:
            shim.kill()
            shim.wait()
        self.internet.destroy()

    def _start_shims(self):
        for node, plan in self.internet.shims:
            self.shims.append(line.start(
                node, "--delay", plan.delay_ms, "--jitter", plan.jitter_ms,
                "--reorder", plan.reorder))

    # Members

    def member(self, host, name, command, options, code=None):
        member = Member(
            self.stage, host, self.hosts_file, self.folder, name, command, options, code)
        self.members.append(member)
        return member

    def start_host(self):
        """Starts the host; its code is None when it did not get one in time, or ended."""
        server = () if self.setting.is_local else ("--signal", "signal.test")
        self.host = self.member(
            self.hosts[0], "ada", ["host"], [*server, *self.setting.host_options])
        event = self.host.wait_for_event("code", CODE_SECONDS)
        self.code = event["code"] if event else None
        if self.code and self.setting.is_local:
            self.code = self._local_code()
        self._do(self.setting.meanwhile)
        return self.code

    def _local_code(self):
        """The code for a neighbour; for who is elsewhere, with the address that the host tells when
        its router forwards the port."""
        code = self.code.partition("@")[0]
        if self.setting.right is None:
            return code
        reach = self.host.wait_for(
            lambda event: event["event"] == "reach" and event["outside"] == "mapped", CODE_SECONDS)
        return reach and f"{code}@{reach['address']}"

    def start_guest(self):
        self.guest = self.member(
            self.hosts[1 if self.setting.right is None else self.left_hosts], "grace", ["join"],
            self.setting.guest_options, self.code)
        return self.guest

    @property
    def pair(self):
        return [self.host, self.guest]

    @property
    def begin(self):
        """When the guest was started."""
        return self.guest.started

    def until(self, seconds):
        """Waits until so long after the guest was started."""
        self.stage.sleep(self.begin + seconds - time.monotonic())

    def leave(self):
        """All leave, the guest first; returns their exit statuses, the host's first."""
        return [member.leave() for member in reversed(self.members)][::-1]

    # What came of it

    def first_voice(self, member):
        events = member.all("voice")
        return events[0]["at"] - self.begin if events else None

    def settled(self, member):
        """The rung that the member ended on, and when it came there."""
        rung, since = None, None
        for at, new, _ in member.path_changes():
            if new != rung:
                rung, since = new, at - self.begin
        return rung, since

    def gaps(self, member):
        """What was missing of the voice that the member heard; call it when all have left."""
        return Gaps(member.recording)

    @staticmethod
    def hears_to_the_end(member, gaps):
        """Whether the voice was there until the other one left, or is said to be lost."""
        lasts = [event["at"] for event in member.all("member")
                 if event["state"] in ("left", "lost")]
        length = min([*lasts, member.ended]) - member.started
        return gaps.last is not None and gaps.last >= length - LAST_SECONDS


def _short(name):
    """A name for namespaces: letters, numbers and dashes."""
    return "".join(c if c.isalnum() else "-" for c in name.replace("+", "p"))


class Chat:
    """Lines that both members send each other all the time."""

    INTERVAL = 0.4

    def __init__(self, call):
        self.call = call
        self.sent = {member.name: [] for member in call.pair}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._talk, daemon=True)
        self._thread.start()

    def _talk(self):
        while not self._stopped.wait(self.INTERVAL):
            for member in self.call.pair:
                text = f"line {len(self.sent[member.name]) + 1} of {member.name}"
                self.sent[member.name].append(text)
                member.say(text)

    def stop(self):
        self._stopped.set()
        self._thread.join()

    def complaints(self):
        """What is wrong with what arrived, as sentences."""
        found = []
        for sender, receiver in (self.call.pair, self.call.pair[::-1]):
            sent = self.sent[sender.name]
            heard = [event["text"] for event in receiver.all("chat")]
            if heard == sent:
                continue
            missing = [text for text in sent if text not in heard]
            if missing:
                found.append(
                    f"{len(missing)} of {len(sent)} chat lines of {sender.name} are missing, "
                    f"the first is `{missing[0]}`")
            elif sorted(heard) == sorted(sent):
                found.append(f"the chat lines of {sender.name} arrived in another order")
            else:
                found.append(f"chat lines of {sender.name} arrived more than once")
        return found

    @property
    def count(self):
        return sum(len(lines) for lines in self.sent.values())
