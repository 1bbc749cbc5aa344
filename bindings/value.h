/* SPDX-License-Identifier: MIT
**
** value.h - the canonical codec between Lua values and bytes.
**
** Holds:     encode, decode, and the two marks that a Lua table cannot
**            express: raft.null, a nil that a container can hold, and
**            raft.map {}, an empty table that is a map.
** Invariant: one value has one encoding on every VM (wire/value.h); what was
**            decoded encodes to the same bytes.
** Rule:      the mark of raft.map goes with the table's first key. Otherwise
**            a table that is filled, saved, restored and emptied would
**            differ from one that was only filled and emptied, and members
**            that restored a snapshot from those that did not.
** Rule:      Lua may raise "not enough memory" out of these functions: the
**            caller's bytes and buffer must be owned by a userdata
**            (binding_buffer_push), or by the caller of a protected call. */

#ifndef RAFT_BINDINGS_VALUE_H
#define RAFT_BINDINGS_VALUE_H

#include <lua.h>

#include "base/buffer.h"
#include "base/error.h"

RAFT_HIDDEN_BEGIN

/* Adds to the table on top of the stack: null; map (table) -> table;
** encode (value) -> true, bytes; decode (bytes) -> true, value; both else
** nil, message, code. May be called any number of times in one state. */
void binding_value_open (lua_State *L);

/* Pushes raft.null of this state. */
void binding_value_push_null (lua_State *L);

/* Whether the value at 'index' stands for nil: raft.null, or the null pointer
** that cjson and others use. */
bool binding_value_is_null (lua_State *L, int index);

/* Whether the table at 'index' carries the mark of raft.map. */
bool binding_value_is_map (lua_State *L, int index);

/* Appends the encoding of the value at 'index' (nil only there, at the top).
** The stack is as before; on an error so is 'out'. Metatables are not asked.
** Errors: RAFT_EINVALID (a function, a cycle, deeper than 64, …; *detail
** names the path: "value.a[3]: a function cannot be encoded"), RAFT_ENOMEM,
** RAFT_ETOO_LARGE (a string of 4 GiB). */
int binding_value_encode (lua_State *L, int index, struct raft_buffer *out,
                          struct raft_detail *detail);

/* Pushes the one value that these bytes are; nothing on an error.
** Errors: RAFT_EMALFORMED; RAFT_ENOT_REPRESENTABLE: a number that this Lua
** cannot hold exactly. */
int binding_value_decode (lua_State *L, const uint8_t *data, size_t size,
                          struct raft_detail *detail);

/* Pushes a userdata that owns an empty buffer (memory: plain) and frees it
** when it is collected; the buffer is valid as long. */
struct raft_buffer *binding_buffer_push (lua_State *L);

/* Pushes nil, message, code as functions here fail; returns 3. A detail that
** is NULL or empty gives way to the code's own text. */
int binding_push_failure (lua_State *L, int code,
                          const struct raft_detail *detail);

RAFT_HIDDEN_END

#endif
