// SPDX-License-Identifier: MIT
// client.mjs - node client.mjs HOST:PORT,... (npm install @msgpack/msgpack)
import { connect } from "node:net";
import { decodeMultiStream, encode } from "@msgpack/msgpack";

async function call(method, ...params) { // asks one member after the other
  for (let tries = 0, members = process.argv[2].split(","); ; tries++) {
    const [host, port] = members[tries % members.length].split(":");
    const member = connect({ host, port });
    member.write(encode([0, 1, method, params]));
    const [, , error, result] = await decodeMultiStream(member).next()
      .then((answer) => answer.value ?? [1, 1, [7, "closed"]],
            (lost) => [1, 1, [7, lost.message]]);
    member.destroy();
    if (!error) return result;
    if (![3, 4, 7].includes(error[0]) || tries > 98) throw Error(error[1]);
    await new Promise((resolve) => setTimeout(resolve, 100));
  } // not_leader, overloaded, unknown
}

const session = await call("open_session"); // what is sent again: once
await call("propose", ["add", "visits", 2], session, 1, 1);
await call("propose", ["add", "visits", 3], session, 2, 2);
console.log(await call("query", ["get", "visits"], "linear"));
