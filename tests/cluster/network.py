"""Two hosts as network namespaces on a bridge of their own, whose links can be cut."""
import os
import re
import shutil
import socket
import subprocess

from keeper import read_process

SETTINGS = "/etc/netns"  # of namespaces, by name
NAME = re.compile(r"jh(\d+)-\d+[b12]")  # of bridges, links and namespaces: the pid of the process that made them


class Network:
    """A bridge with hosts n1 and n2; `number` tells networks that live at the same time apart."""

    def __init__(self, number):
        self.prefix = f"jh{os.getpid()}-{number}"
        self.subnet = f"198.18.{number}"  # a range for tests of networks, which routes lead nowhere
        self.address = f"{self.subnet}.1"
        self.addresses = {"n1": f"{self.subnet}.11", "n2": f"{self.subnet}.12"}

    def create(self):
        bridge = self.prefix + "b"
        ip("link", "add", bridge, "type", "bridge")
        ip("addr", "add", f"{self.address}/24", "dev", bridge)
        ip("link", "set", bridge, "up")
        for host, address in self.addresses.items():
            name = self.name_of(host)
            ip("netns", "add", name)
            ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("link", "set", name, "master", bridge, "up")
            ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "link", "set", "lo", "up")
            self._write_hosts(os.path.join(SETTINGS, name))

    def _write_hosts(self, folder):
        """`ip netns exec` shows it as /etc/hosts: this machine and the hosts know each other by name."""
        os.makedirs(folder, exist_ok=True)
        names = {"localhost": "127.0.0.1", socket.gethostname(): self.address, **self.addresses}
        with open(os.path.join(folder, "hosts"), "w", encoding="utf-8") as file:
            file.writelines(f"{address} {name}\n" for name, address in names.items())

    def name_of(self, host):
        return self.prefix + host[1:]

    def on_host(self, host, words):
        """The command that runs `words` on a host, with its network and its host name."""
        return ["ip", "netns", "exec", self.name_of(host), "unshare", "--uts", "sh", "-c",
                'hostname "$0" && exec "$@"', host, *words]

    def cut(self, host):
        ip("link", "set", self.name_of(host), "down")

    def heal(self, host):
        ip("link", "set", self.name_of(host), "up")

    def remove(self):
        remove_networks(lambda name: name[:-1] == self.prefix)


def remove_networks(chosen):
    """Removes the bridges, links and namespaces whose names are `chosen`."""
    for name in filter(NAME.fullmatch, os.listdir("/sys/class/net")):
        if chosen(name):
            ip("link", "del", name, check=False)  # a link goes by itself when its namespace does
    for name in filter(NAME.fullmatch, os.listdir("/run/netns") if os.path.isdir("/run/netns") else []):
        if chosen(name):
            ip("netns", "del", name, check=False)
    for name in filter(NAME.fullmatch, os.listdir(SETTINGS) if os.path.isdir(SETTINGS) else []):
        if chosen(name):
            shutil.rmtree(os.path.join(SETTINGS, name), ignore_errors=True)


def remove_abandoned_networks():
    remove_networks(lambda name: not read_process(NAME.fullmatch(name)[1]))


def ip(*words, check=True):
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if check and done.returncode != 0:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")
