/* SPDX-License-Identifier: BSD-3-Clause */
/* st_echo: the echo server on State Threads, one of its threads a connection. */
#include <st.h>

#include "server.h"

static void *serve(void *arg)
{
    char buf[2048];
    ssize_t n;
    st_netfd_t fd = arg;
    while ((n = st_read(fd, buf, sizeof buf, ST_UTIME_NO_TIMEOUT)) > 0)
        if (st_write(fd, buf, (size_t)n, ST_UTIME_NO_TIMEOUT) != n)
            break;
    st_netfd_close(fd);
    return NULL;
}

int main(int argc, char **argv)
{
    uint16_t port = 0;
    if (server_options(argc, argv) != 1) {
        fprintf(stderr, "State Threads has one worker\n");
        return 2;
    }
    if (st_set_eventsys(ST_EVENTSYS_ALT) < 0 || st_init() < 0)
        server_fail("st_init");
    st_netfd_t listener = st_netfd_open_socket(server_listen(&port, 0));
    if (!listener)
        server_fail("st_netfd_open_socket");
    server_announce(port);
    for (;;) {
        st_netfd_t fd = st_accept(listener, NULL, NULL, ST_UTIME_NO_TIMEOUT);
        if (!fd || !st_thread_create(serve, fd, 0, 0))
            server_fail("accept");
    }
}
