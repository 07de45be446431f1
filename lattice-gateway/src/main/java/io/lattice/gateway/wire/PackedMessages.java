package io.lattice.gateway.wire;

import io.grpc.Attributes;
import io.netty.util.concurrent.FastThreadLocal;

/// Sends several gRPC messages as one: what a message costs on its way to the socket (a command, a buffer, a promise, an entry
/// of the flow control) is paid once for all of them. The client can't tell.
///
/// gRPC frames a message with its length and then copies what the message's stream drains. A packed message announces its
/// first part only, and drains the other parts behind it, each with a frame header of its own. gRPC allocates a buffer for
/// what was announced and takes no more than fits, so the room for the rest is asked for here and granted by
/// [RoomyAllocator], on the same thread within the same call.
///
/// Works where [#POSSIBLE] says so. `WatchServiceTest` and `PackedMessagesTest` fail if another version of grpc-java works
/// differently.
public final class PackedMessages {
    /// Whether a call's connection takes packed messages; an attribute of the call.
    public static final Attributes.Key<Boolean> POSSIBLE =
            Attributes.Key.create("lattice-packed-messages");

    /// Bytes before each message: whether it is compressed, and its length.
    public static final int FRAME_HEADER_BYTES = 5;

    private static final FastThreadLocal<PackedMessages> OF_THREAD =
            new FastThreadLocal<>() {
                @Override
                protected PackedMessages initialValue() {
                    return new PackedMessages();
                }
            };

    private int room;
    private int furtherMessages;
    private int furtherBytes;

    private PackedMessages() {}

    /// Runs `send`, which sends one packed message.
    ///
    /// @param firstBytes of the first message, without its frame header
    /// @param furtherMessages behind it
    /// @param furtherBytes of those, with their frame headers
    public static void send(int firstBytes, int furtherMessages, int furtherBytes, Runnable send) {
        PackedMessages packed = OF_THREAD.get();
        packed.room = FRAME_HEADER_BYTES + firstBytes + furtherBytes;
        packed.furtherMessages = furtherMessages;
        packed.furtherBytes = furtherBytes;
        try {
            send.run();
        } finally {
            packed.room = 0;
            packed.furtherMessages = 0;
            packed.furtherBytes = 0;
        }
    }

    /// Messages behind the one that this thread is just sending.
    public static int furtherMessages() {
        return OF_THREAD.get().furtherMessages;
    }

    /// Bytes behind the message that this thread is just sending.
    public static int furtherBytes() {
        return OF_THREAD.get().furtherBytes;
    }

    /// Room that the next buffer of this thread must have, once; 0 for no more than it is asked for.
    static int takeRoom() {
        PackedMessages packed = OF_THREAD.get();
        int room = packed.room;
        packed.room = 0;
        return room;
    }
}
