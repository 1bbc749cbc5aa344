// SPDX-License-Identifier: MIT
import { connect } from "node:net"; // node client.mjs HOST:PORT,HOST:PORT,...
import { decodeMultiStream, encode } from "@msgpack/msgpack"; // npm install
async function call(method, ...params) { // asks one member after the other
  for (let tries = 0, all = process.argv[2].split(","); ; tries++) {
    const member = connect(...all[tries % all.length].split(":").reverse());
    member.write(encode([0, 1, method, params]));
    const { value: [, , error, result] = [1, 1, [7, "no answer"]] } =
      await decodeMultiStream(member).next().catch(() => ({}));
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
