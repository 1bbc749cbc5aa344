# SPDX-License-Identifier: MIT
import msgpack, socket, sys, time  # python3 client.py HOST:PORT,HOST:PORT,...

def call(method, *params):  # asks one member after the other, until one leads
    for at in sys.argv[1].split(",") * 99:
        try:
            with socket.create_connection(at.split(":"), 5) as member:
                member.sendall(msgpack.packb([0, 1, method, params]))
                answer = next(msgpack.Unpacker(member.makefile("rb", 0)))
        except (OSError, StopIteration) as lost:
            answer = [1, 1, [7, str(lost)], None]
        if not answer[2] or answer[2][0] not in (3, 4, 7):
            break  # else not_leader, overloaded, unknown: another one
        time.sleep(0.1)
    return answer[3] if not answer[2] else sys.exit(answer[2][1])

session = call("open_session")  # what is sent again is applied once
call("propose", ["add", "visits", 2], session, 1, 1)
call("propose", ["add", "visits", 3], session, 2, 2)
print(call("query", ["get", "visits"], "linear"))
