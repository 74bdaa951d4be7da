"""baresip (Debian: baresip-core) as it is measured beside vc: Opus mono at 48 kHz and 48 kbit/s,
without encryption."""

import os
import shutil
import subprocess
import time

from processes import HERE, free_port

MODULES = "/usr/lib/baresip/modules"


def missing():
    """Why there is no baresip, or None."""
    if shutil.which("baresip") is None or not os.path.isdir(MODULES):
        return "not installed: apt-get install baresip-core"
    return None


def make_home(folder, name, address, port, source, player, frame, module, more=""):
    """A folder with the settings of a side that answers by itself; `module` is that of its devices,
    besides aufile and aubridge."""
    home = f"{folder}/baresip-{name}"
    shutil.rmtree(home, ignore_errors=True)
    os.makedirs(home)
    with open(f"{home}/config", "w") as file:
        file.write(f"""
poll_method epoll
sip_listen {address}:{port}
audio_player {player}
audio_source {source}
audio_alert aubridge,alert
ausrc_srate 48000
auplay_srate 48000
ausrc_channels 1
auplay_channels 1
opus_stereo no
opus_sprop_stereo no
opus_bitrate 48000
{more}
module_path {MODULES}
module opus.so
module {module}.so
module aubridge.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
""")
    with open(f"{home}/accounts", "w") as file:
        file.write(f"<sip:{name}@{address}:{port}>;regint=0;answermode=auto;ptime={frame};"
                   "audio_codecs=opus/48000/2\n")
    open(f"{home}/contacts", "w").close()
    return home


class Call:
    """One side calls the other. Each is (source, player)."""

    def __init__(self, folder, caller, called, frame, module, more="", environment=None,
                 places=(HERE, HERE)):
        ports = free_port(), free_port()
        self.homes = [
            make_home(folder, name, place.address, port, *devices, frame, module, more)
            for name, place, port, devices in zip("ab", places, ports, (caller, called))]
        self.processes = []
        dial = ["-e", f"/dial sip:b@{places[1].address}:{ports[1]}"]
        for side, arguments in ((1, []), (0, dial)):
            home = self.homes[side]
            with open(f"{home}/log", "w") as log:
                self.processes.insert(0, subprocess.Popen(
                    [*places[side].prefix, "baresip", "-f", home, *arguments],
                    env={**(environment or os.environ), "HOME": home},
                    stdin=subprocess.PIPE, stdout=log, stderr=log))
            time.sleep(1)
        time.sleep(3)

    @property
    def is_established(self):
        with open(f"{self.homes[0]}/log") as log:
            return "established" in log.read()

    @property
    def pids(self):
        """The caller, and the called one."""
        return [process.pid for process in self.processes]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.terminate()
            process.wait()
