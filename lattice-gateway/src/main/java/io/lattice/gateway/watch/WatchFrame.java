package io.lattice.gateway.watch;

import com.google.protobuf.CodedOutputStream;
import io.grpc.Drainable;
import io.grpc.KnownLength;
import io.grpc.MethodDescriptor.Marshaller;
import io.lattice.gateway.wire.PackedMessages;
import io.lattice.proto.etcdserverpb.WatchResponse;
import io.lattice.statemachine.watch.WatchEvent;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/// An encoded WatchResponse whose events are not its own: streams share them; or several of them as a packed message.
/// Immutable.
public final class WatchFrame {
    /// Field 11 of WatchResponse, length-delimited.
    private static final byte EVENTS_TAG = (byte) ((WatchResponse.EVENTS_FIELD_NUMBER << 3) | 2);

    private static final byte[] NOTHING = new byte[0];

    private final List<byte[]> pieces;
    private final int length;
    private final boolean packed;

    private WatchFrame(List<byte[]> pieces, int length) {
        this(pieces, length, false);
    }

    private WatchFrame(List<byte[]> pieces, int length, boolean packed) {
        this.pieces = pieces;
        this.length = length;
        this.packed = packed;
    }

    /// A response without events, or with ones of its own.
    static WatchFrame of(WatchResponse response) {
        byte[] encoded = response.toByteArray();
        return new WatchFrame(List.of(encoded), encoded.length);
    }

    /// A response with shared events.
    ///
    /// @param head everything but the events
    /// @param previousAbove the records before the events of higher revisions are sent, too; they have been read
    static WatchFrame of(WatchResponse head, List<WatchEvent> events, long previousAbove) {
        return of(head.toByteArray(), events, previousAbove);
    }

    /// The same with a head that is encoded.
    static WatchFrame of(byte[] head, List<WatchEvent> events, long previousAbove) {
        List<byte[]> pieces = new ArrayList<>(1 + 3 * events.size());
        pieces.add(head);
        int length = head.length;
        for (WatchEvent event : events) {
            byte[] encoded = event.encoded();
            byte[] previous = event.revision() > previousAbove ? event.previous() : NOTHING;
            byte[] prefix = prefix(encoded.length + previous.length);
            pieces.add(prefix);
            pieces.add(encoded);
            length += prefix.length + encoded.length + previous.length;
            if (previous.length > 0) {
                pieces.add(previous);
            }
        }
        return new WatchFrame(pieces, length);
    }

    /// Sends frames, several as a packed message.
    ///
    /// @param frames at least one
    static void send(List<WatchFrame> frames, Consumer<WatchFrame> call) {
        WatchFrame first = frames.getFirst();
        if (frames.size() == 1) {
            call.accept(first);
            return;
        }
        List<byte[]> pieces = new ArrayList<>(5 * frames.size());
        pieces.addAll(first.pieces);
        int further = 0;
        for (WatchFrame frame : frames.subList(1, frames.size())) {
            pieces.add(frameHeader(frame.length));
            pieces.addAll(frame.pieces);
            further += PackedMessages.FRAME_HEADER_BYTES + frame.length;
        }
        WatchFrame pack = new WatchFrame(pieces, first.length, true);
        PackedMessages.send(first.length, frames.size() - 1, further, () -> call.accept(pack));
    }

    /// Of an uncompressed message.
    private static byte[] frameHeader(int length) {
        return new byte[] {
            0, (byte) (length >>> 24), (byte) (length >>> 16), (byte) (length >>> 8), (byte) length
        };
    }

    private static byte[] prefix(int eventBytes) {
        byte[] prefix = new byte[1 + CodedOutputStream.computeUInt32SizeNoTag(eventBytes)];
        prefix[0] = EVENTS_TAG;
        var _ = putVarint(prefix, 1, eventBytes);
        return prefix;
    }

    /// Writes a number as protobuf does, and returns where it ends.
    static int putVarint(byte[] target, int from, long value) {
        int at = from;
        long rest = value;
        while ((rest & ~0x7FL) != 0) {
            target[at++] = (byte) ((rest & 0x7F) | 0x80);
            rest >>>= 7;
        }
        target[at++] = (byte) rest;
        return at;
    }

    /// Bytes that an event takes in a response.
    static int sizeOf(WatchEvent event, long previousAbove) {
        int bytes =
                event.encoded().length
                        + (event.revision() > previousAbove ? event.previous().length : 0);
        return 1 + CodedOutputStream.computeUInt32SizeNoTag(bytes) + bytes;
    }

    /// Encoded size, bytes; of a packed message that of its first part.
    int length() {
        return length;
    }

    /// Reads and writes frames; a frame read is one piece.
    public static final class FrameMarshaller implements Marshaller<WatchFrame> {
        @Override
        public InputStream stream(WatchFrame frame) {
            return new FrameStream(frame);
        }

        @Override
        public WatchFrame parse(InputStream stream) {
            try {
                byte[] bytes = stream.readAllBytes();
                return new WatchFrame(List.of(bytes), bytes.length);
            } catch (IOException e) {
                throw new IllegalStateException("a frame in memory can't be read", e);
            }
        }
    }

    /// gRPC copies the pieces straight into its buffer; reading byte by byte is for transports that can't. They get no packed
    /// messages.
    private static final class FrameStream extends InputStream implements KnownLength, Drainable {
        private final List<byte[]> pieces;
        private int left;
        private int piece;
        private ByteArrayInputStream current = new ByteArrayInputStream(NOTHING);

        private final boolean packed;

        FrameStream(WatchFrame frame) {
            this.pieces = frame.pieces;
            this.left = frame.length;
            this.packed = frame.packed;
        }

        @Override
        public int drainTo(OutputStream target) throws IOException {
            int drained = left;
            current.transferTo(target);
            while (piece < pieces.size()) {
                target.write(pieces.get(piece++));
            }
            left = 0;
            return drained;
        }

        @Override
        public int available() {
            return left;
        }

        @Override
        public int read() {
            if (!advance()) {
                return -1;
            }
            left--;
            return current.read();
        }

        @Override
        public int read(byte[] target, int offset, int length) {
            if (length == 0) {
                return 0;
            }
            if (!advance()) {
                return -1;
            }
            int count = current.read(target, offset, length);
            left -= count;
            return count;
        }

        /// Moves to the piece that the next byte is in; false at the end.
        private boolean advance() {
            if (packed) {
                throw new IllegalStateException("a packed message can only be drained");
            }
            while (current.available() == 0) {
                if (piece == pieces.size()) {
                    return false;
                }
                current = new ByteArrayInputStream(pieces.get(piece++));
            }
            return true;
        }
    }
}
