"""Processes of a distributed training, as a launcher would start them."""

import os
import socket
import subprocess
import sys


def start(arguments: list[str], number: int, of: int, port: int) -> subprocess.Popen[str]:
    """Start a command as one of several processes that train together."""
    together = {"RANK": number, "LOCAL_RANK": number, "WORLD_SIZE": of, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    environment = (
        os.environ | {k: str(v) for k, v in together.items()} | {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    )
    command = [sys.executable, "-m", "handful", *arguments]
    return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
