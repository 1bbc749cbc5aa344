/* SPDX-License-Identifier: MIT
**
** address.c - parsing and looking up. */

#include "uv/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool parse_port (const char *text, uint16_t *port) {
  unsigned long number = 0;
  size_t i;
  for (i = 0; text[i] >= '0' && text[i] <= '9' && i < 5; i++) {
    number = number * 10 + (unsigned long)(text[i] - '0');
  }
  *port = (uint16_t)number;
  return i > 0 && text[i] == '\0' && number >= 1 && number <= 65535;
}

int real_address_parse (const char *text, struct real_address *address,
                        struct raft_detail *detail) {
  const char *colon = strrchr (text, ':');
  const char *host = text;
  size_t size = colon != NULL ? (size_t)(colon - text) : 0;
  if (size >= 2 && host[0] == '[' && host[size - 1] == ']') {
    host++;
    size -= 2;
  } else if (memchr (host, ':', size) != NULL) {
    size = 0; /* IPv6 stands in brackets: where else does the port begin? */
  }
  if (size == 0 || size >= REAL_HOST_MAX
      || !parse_port (colon + 1, &address->port)) {
    return raft_fail (detail, RAFT_EINVALID,
                      "expected an address \"host:port\", got \"%.80s\"",
                      text);
  }
  memcpy (address->host, host, size);
  address->host[size] = '\0';
  return RAFT_OK;
}

bool real_address_numeric (const struct real_address *address,
                           struct sockaddr_storage *found) {
  memset (found, 0, sizeof *found);
  return uv_ip4_addr (address->host, address->port,
                      (struct sockaddr_in *)(void *)found) == 0
         || uv_ip6_addr (address->host, address->port,
                         (struct sockaddr_in6 *)(void *)found) == 0;
}

bool real_address_is_loopback (const struct sockaddr_storage *found) {
  if (found->ss_family == AF_INET) {
    const struct sockaddr_in *four = (const void *)found;
    return ntohl (four->sin_addr.s_addr) >> 24 == 127;
  }
  if (found->ss_family == AF_INET6) {
    const struct sockaddr_in6 *six = (const void *)found;
    return IN6_IS_ADDR_LOOPBACK (&six->sin6_addr);
  }
  return false;
}

void real_address_of_peer (const uv_tcp_t *tcp,
                           char text[REAL_ADDRESS_TEXT]) {
  struct sockaddr_storage found;
  int size = (int)sizeof found;
  char host[INET6_ADDRSTRLEN];
  memset (&found, 0, sizeof found);
  if (uv_tcp_getpeername (tcp, (struct sockaddr *)&found, &size) != 0) {
    return;
  }
  if (found.ss_family == AF_INET) {
    const struct sockaddr_in *four = (const void *)&found;
    (void)uv_ip4_name (four, host, sizeof host);
    (void)snprintf (text, REAL_ADDRESS_TEXT, "%s:%u", host,
                    (unsigned)ntohs (four->sin_port));
  } else if (found.ss_family == AF_INET6) {
    const struct sockaddr_in6 *six = (const void *)&found;
    (void)uv_ip6_name (six, host, sizeof host);
    (void)snprintf (text, REAL_ADDRESS_TEXT, "[%s]:%u", host,
                    (unsigned)ntohs (six->sin6_port));
  }
}

static void on_found (uv_getaddrinfo_t *request, int status,
                      struct addrinfo *list) {
  struct real_lookup *lookup = request->data;
  lookup->is_running = false;
  if (status == 0 && list != NULL) {
    memcpy (&lookup->found, list->ai_addr, list->ai_addrlen);
    if (lookup->found.ss_family == AF_INET) {
      ((struct sockaddr_in *)(void *)&lookup->found)->sin_port
        = htons (lookup->port);
    } else {
      ((struct sockaddr_in6 *)(void *)&lookup->found)->sin6_port
        = htons (lookup->port);
    }
  } else if (status == 0) {
    status = UV_EAI_NONAME;
  }
  if (list != NULL) {
    uv_freeaddrinfo (list);
  }
  lookup->done (lookup, status);
}

int real_lookup_start (struct real_lookup *lookup, uv_loop_t *loop,
                       const struct real_address *address) {
  struct addrinfo hints;
  int status;
  memset (&hints, 0, sizeof hints);
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  lookup->port = address->port;
  memset (&lookup->found, 0, sizeof lookup->found);
  lookup->request.data = lookup;
  status = uv_getaddrinfo (loop, &lookup->request, on_found, address->host,
                           NULL, &hints);
  lookup->is_running = status == 0;
  return status;
}

void real_lookup_cancel (struct real_lookup *lookup) {
  if (lookup->is_running) {
    (void)uv_cancel ((uv_req_t *)&lookup->request);
  }
}
