# SPDX-License-Identifier: MIT
# client.py - python3 client.py HOST:PORT,HOST:PORT,... (needs python3-msgpack)
import msgpack, socket, sys, time

def call(method, *params):  # asks one member after the other, until one leads
    for at in sys.argv[1].split(",") * 99:
        try:
            with socket.create_connection(at.split(":"), 5) as member:
                member.sendall(msgpack.packb([0, 1, method, params]))
                answer = next(msgpack.Unpacker(member.makefile("rb", 0)))
                error, result = answer[2:]
        except (OSError, StopIteration) as lost:
            error = [7, str(lost)]
        if error is None:
            return result
        if error[0] not in (3, 4, 7):  # not_leader, overloaded, unknown
            break
        time.sleep(0.1)
    raise RuntimeError(error[1])

session = call("open_session")  # what is sent again is applied once
call("propose", ["add", "visits", 2], session, 1, 1)
call("propose", ["add", "visits", 3], session, 2, 2)
print(call("query", ["get", "visits"], "linear"))
