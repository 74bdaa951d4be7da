"""Other programs in a call of two, from `micA` to `earB` of a PulseAudio (pulse.py), with Opus and
with what they choose themselves otherwise."""

import hashlib
import os
import shutil
import sqlite3
import subprocess
import time

from processes import HERE, free_port

CONNECT_SECONDS = 20


class _Peer:
    """Processes that end together; the last that was started ends first. The server runs where A
    does."""

    def __init__(self, folder, pulse, places):
        self.folder, self.pulse = folder, pulse
        self.places = dict(zip("AB", places))
        self.port = free_port()
        self.processes = []
        self.pulse_modules = []

    @property
    def server(self):
        return self.places["A"]

    def start(self, command, environment, log):
        with open(log, "w") as file:
            self.processes.append(subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file))
        return self.processes[-1]

    def __enter__(self):
        try:
            self.begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for module in self.pulse_modules:
            self.pulse.control("unload-module", module)
        self.pulse_modules = []
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes = []


class Mumble(_Peer):
    """Two Mumble clients and their server: always open, 40 kbit/s, and its own choice of all else
    (frames of 10 ms, two in a packet)."""

    name = "Mumble"
    source, ear = "micA", "earB.monitor"
    SCREEN = 77

    def __init__(self, folder, pulse, places=(HERE, HERE)):
        super().__init__(f"{folder}/mumble", pulse, places)

    @staticmethod
    def missing():
        for program in ("mumble", "/usr/sbin/murmurd", "Xvfb", "openssl"):
            if shutil.which(program) is None:
                return "not installed: apt-get install mumble mumble-server xvfb openssl"
        return None

    def begin(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        screen = f":{self.SCREEN}"
        self.start(["Xvfb", screen, "-screen", "0", "800x600x16", "-nolisten", "tcp"],
                   self.pulse.environment, f"{self.folder}/screen.log")
        digest = self._serve()
        for name in "AB":
            self._join(name, digest, screen)
        end = time.monotonic() + CONNECT_SECONDS
        while self._count("Authenticated") < 2:
            if time.monotonic() > end:
                raise RuntimeError(f"Mumble made no call: {self.folder}")
            time.sleep(0.2)
        time.sleep(4)

    def _count(self, word):
        with open(f"{self.folder}/server.log") as log:
            return log.read().count(word)

    def _certificate(self, name):
        key, certificate = (f"{self.folder}/{name}.{end}" for end in ("key", "crt"))
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
             f"/CN={name}", "-keyout", key, "-out", certificate],
            check=True, stderr=subprocess.DEVNULL)
        return key, certificate

    def _serve(self):
        key, certificate = self._certificate("server")
        with open(f"{self.folder}/server.ini", "w") as file:
            file.write(f"database={self.folder}/server.sqlite\nport={self.port}\n"
                       f"host={self.server.address}\nbonjour=false\nsslCert={certificate}\nsslKey={key}\nlogfile=\n"
                       f"bandwidth=130000\n{'uname=root' if os.getuid() == 0 else ''}\n")
        self.start([*self.server.prefix, "/usr/sbin/murmurd", "-fg", "-ini", f"{self.folder}/server.ini"],
                   os.environ, f"{self.folder}/server.log")
        time.sleep(1)
        der = subprocess.run(["openssl", "x509", "-in", certificate, "-outform", "der"],
                             check=True, stdout=subprocess.PIPE).stdout
        return hashlib.sha1(der).hexdigest()

    def _join(self, name, digest, screen):
        home = f"{self.folder}/{name}"
        for place in (".config/Mumble", ".local/share/Mumble/Mumble", "Documents"):
            os.makedirs(f"{home}/{place}")
        key, certificate = self._certificate(f"user{name}")
        subprocess.run(
            ["openssl", "pkcs12", "-export", "-passout", "pass:", "-inkey", key, "-in",
             certificate, "-out", f"{home}/Documents/MumbleAutomaticCertificateBackup.p12"],
            check=True)
        with open(f"{home}/.config/Mumble/Mumble.conf", "w") as file:
            file.write(
                "[General]\nlastupdate=2\n\n[audio]\ninput=PulseAudio\noutput=PulseAudio\n"
                "transmit=0\nquality=40000\n\n"
                f"[pulseaudio]\ninput=mic{name}.monitor\noutput=ear{name}\n\n[tts]\nenable=false\n\n"
                "[ui]\naskonquit=false\nusage=false\nversioncheck=false\n"
                "pluginoverlaycheck=false\n\n[overlay]\nenable=false\n\n"
                "[shortcuts]\nenableglobal=false\n\n[privacy]\n")
        # The server's certificate is known, so that nobody has to be asked.
        known = sqlite3.connect(f"{home}/.local/share/Mumble/Mumble/mumble.sqlite")
        known.execute("CREATE TABLE `cert` (`id` INTEGER PRIMARY KEY AUTOINCREMENT, "
                      "`hostname` TEXT, `port` INTEGER, `digest` TEXT)")
        known.execute("INSERT INTO cert(hostname, port, digest) VALUES (?, ?, ?)",
                      (self.server.address, self.port, digest))
        known.commit()
        known.close()
        self.start(
            [*self.places[name].prefix, "mumble", "-m",
             f"mumble://user{name}@{self.server.address}:{self.port}/"],
            {**self.pulse.environment, "HOME": home, "XDG_CONFIG_HOME": f"{home}/.config",
             "XDG_DATA_HOME": f"{home}/.local/share", "DISPLAY": screen,
             "QT_QPA_PLATFORM": "xcb"}, f"{home}/log")


class Jamulus(_Peer):
    """Two Jamulus clients and their server over JACK's dummy driver in blocks of 128, which is not
    the device that the others use: sinks and sources of PulseAudio lead into JACK. Not encrypted."""

    name = "Jamulus, over JACK"
    source, ear = "jmicA", "jearB"
    BLOCK = "128"

    def __init__(self, folder, pulse, places=(HERE, HERE)):
        super().__init__(f"{folder}/jamulus", pulse, places)

    @staticmethod
    def missing():
        for program in ("Jamulus", "jackd", "jack_connect"):
            if shutil.which(program) is None:
                return ("not installed: apt-get install jamulus jackd2 "
                        "pulseaudio-module-jack")
        return None

    def begin(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        environment = {**self.pulse.environment, "HOME": self.folder,
                       "QT_QPA_PLATFORM": "offscreen"}
        self.start(["jackd", "-n", environment["JACK_DEFAULT_SERVER"], "-r", "-d", "dummy", "-r",
                    "48000", "-p", self.BLOCK, "-C", "2", "-P", "2"],
                   environment, f"{self.folder}/jackd.log")
        time.sleep(1.5)
        self.start([*self.server.prefix, "Jamulus", "-s", "-n", "-p", str(self.port)], environment,
                   f"{self.folder}/server.log")
        for name in "AB":
            for kind, device in (("sink", f"jmic{name}"), ("source", f"jear{name}")):
                module = self.pulse.control(
                    "load-module", f"module-jack-{kind}", f"{kind}_name={device}",
                    f"client_name={device}", "channels=1", "connect=no",
                    f"server_name={environment['JACK_DEFAULT_SERVER']}")
                if module is None:
                    raise RuntimeError("PulseAudio has no way into JACK: "
                                       "apt-get install pulseaudio-module-jack")
                self.pulse_modules.insert(0, module)
        for name in "AB":
            self.start([*self.places[name].prefix, "Jamulus", "-n", "-j", "-i",
                        f"{self.folder}/{name}.ini", "--clientname", name, "-c",
                        f"{self.server.address}:{self.port}"], environment,
                       f"{self.folder}/{name}.log")
        time.sleep(4)
        for name in "AB":
            for side in ("left", "right"):
                self._connect(environment, self._port(environment, f"jmic{name}"),
                              f"Jamulus {name}:input {side}")
            self._connect(environment, f"Jamulus {name}:output left",
                          self._port(environment, f"jear{name}"))
        time.sleep(2)

    @staticmethod
    def _port(environment, client):
        ports = subprocess.run(["jack_lsp", f"{client}:"], env=environment, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        if not ports:
            raise RuntimeError(f"JACK does not know {client}")
        return ports.splitlines()[0]

    @staticmethod
    def _connect(environment, output, into):
        result = subprocess.run(["jack_connect", output, into], env=environment,
                                capture_output=True, text=True)
        if result.returncode != 0:
            raise RuntimeError(f"JACK: {output} to {into}: {result.stderr.strip()}")
