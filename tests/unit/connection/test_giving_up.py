"""A connection that is given up is gone at once, also while its server reads nothing."""

import asyncio
import socket

from taskora.connection.reply_stream import ReplyStream

MORE_THAN_A_SOCKET_TAKES = 16_000_000


async def test_what_was_not_sent_keeps_no_connection_open() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours)
        stream = ReplyStream(transport, "a server")
        stream.send(bytes(MORE_THAN_A_SOCKET_TAKES))
        assert transport.get_write_buffer_size() > 0
        transport.close()
        await stream.hang_up()
        await asyncio.sleep(0)  # no later than the loop's next turn, which may be its last
        assert ours.fileno() == -1
