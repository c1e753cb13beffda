#!/usr/bin/env python3
"""What goes through a sluice that is being tried: a backend, and clients that count what happens to them.

  traffic.py serve PORT              answers every line with the same line, until it is told to stop
  traffic.py load ADDRESS CLIENTS    clients that connect, ask and leave, again and again; ends when its standard input
                                     does, and prints what happened as JSON
  traffic.py ask ADDRESS TEXT        one question; prints the answer
  traffic.py hold ADDRESS            connects, asks, prints "held" and stays until the other end closes; prints how it did

ADDRESS is HOST:PORT or a path.
"""
import json
import select
import socket
import sys
import threading
import time

PATIENCE = 20.0


def connect(address):
    if address.startswith("/"):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.settimeout(PATIENCE)
        client.connect(address)
        return client
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=PATIENCE)


def ask(client, text):
    client.sendall(text + b"\n")
    answer = b""
    while not answer.endswith(b"\n"):
        piece = client.recv(4096)
        if not piece:
            raise ConnectionResetError("end of file")
        answer += piece
    return answer[:-1]


def answer_lines(connection):
    with connection:
        try:
            while piece := connection.recv(4096):
                connection.sendall(piece)
        except OSError:
            pass  # the client's way of leaving is its own


def serve(port):
    listener = socket.create_server(("127.0.0.1", int(port)), backlog=1024)
    print("serving", flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer_lines, args=(connection,), daemon=True).start()


class Load:
    def __init__(self, address):
        self.address = address
        self.lock = threading.Lock()
        self.counts = {"done": 0, "refused": 0, "cut": 0, "timed_out": 0, "wrong": 0}
        self.done_at = []
        self.stopped = threading.Event()

    def count(self, what):
        with self.lock:
            self.counts[what] += 1
            if what == "done":
                self.done_at.append(time.monotonic())

    def client(self, number):
        turn = 0
        while not self.stopped.is_set():
            turn += 1
            text = f"{number}/{turn}".encode()
            try:
                with connect(self.address) as client:
                    self.count("done" if ask(client, text) == text else "wrong")
            except (ConnectionRefusedError, FileNotFoundError):
                self.count("refused")
                time.sleep(0.01)
            except TimeoutError:
                self.count("timed_out")
            except OSError:
                self.count("cut")
            time.sleep(0.002)

    def run(self, clients):
        threads = [threading.Thread(target=self.client, args=(n,), daemon=True) for n in range(clients)]
        for thread in threads:
            thread.start()
        print("loading", flush=True)
        # Each line is answered by the time of the first success after it: how long the service was away.
        for line in sys.stdin:
            asked = time.monotonic()
            self.answer(line.strip(), asked)
        self.stopped.set()
        for thread in threads:
            thread.join(PATIENCE)
        print(json.dumps(self.counts), flush=True)

    def answer(self, word, asked):
        deadline = asked + PATIENCE
        while word == "next" and time.monotonic() < deadline:
            with self.lock:
                later = [moment for moment in self.done_at if moment > asked]
                self.done_at = later
            if later:
                print(f"{later[0] - asked:.4f}", flush=True)
                return
            time.sleep(0.001)
        print("never", flush=True)


def hold(address):
    with connect(address) as client:
        try:
            client.sendall(b"hello\n")
            print("held", flush=True)
            client.recv(6)
            select.select([client], [], [])
            print("end of file" if not client.recv(1) else "bytes", flush=True)
        except OSError:
            print("reset", flush=True)


def main(words):
    if words[:1] == ["serve"] and len(words) == 2:
        serve(words[1])
    elif words[:1] == ["load"] and len(words) == 3:
        Load(words[1]).run(int(words[2]))
    elif words[:1] == ["ask"] and len(words) == 3:
        with connect(words[1]) as client:
            print(ask(client, words[2].encode()).decode())
    elif words[:1] == ["hold"] and len(words) == 2:
        hold(words[1])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
