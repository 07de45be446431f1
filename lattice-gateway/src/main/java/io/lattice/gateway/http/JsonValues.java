package io.lattice.gateway.http;

import io.netty.buffer.ByteBuf;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Cuts JSON objects that follow each other into the objects, as their bytes come; what is in them is for a parser. Every byte
/// is looked at once, however small the pieces are. What isn't an object is a value as far as it is there.
///
/// Belongs to one thread.
final class JsonValues {
    private static final int KEPT_BYTES_MAX = 8 << 10;

    /// Those from `start` to `end` aren't taken yet, and those up to `scanned` were looked at.
    private byte[] bytes;

    private int start;
    private int scanned;
    private int end;
    private boolean complete;

    // Of the object that begins at `start`.
    private int depth;
    private boolean quoted;
    private boolean escaped;

    JsonValues() {
        this.bytes = new byte[0];
    }

    private JsonValues(byte[] all) {
        this.bytes = all;
        this.end = all.length;
        this.complete = true;
    }

    /// All values of a body, in order.
    static List<String> split(byte[] body) {
        JsonValues cut = new JsonValues(body);
        List<String> values = new ArrayList<>();
        for (String value = cut.next(); value != null; value = cut.next()) {
            values.add(value);
        }
        return values;
    }

    /// Takes a copy of what comes.
    void add(ByteBuf piece) {
        int length = piece.readableBytes();
        if (end + length > bytes.length) {
            int left = end - start;
            byte[] to = left + length > bytes.length ? new byte[room(left + length)] : bytes;
            System.arraycopy(bytes, start, to, 0, left);
            bytes = to;
            scanned -= start;
            start = 0;
            end = left;
        }
        piece.readBytes(bytes, end, length);
        end += length;
    }

    private int room(int needed) {
        return (int) Math.max(needed, Math.min(Integer.MAX_VALUE - 8L, 2L * bytes.length));
    }

    /// Nothing further comes.
    void complete() {
        complete = true;
    }

    boolean isComplete() {
        return complete;
    }

    /// Bytes of a value that isn't complete, after [#next] has given none.
    int begun() {
        return end - start;
    }

    /// The next value, or null if it isn't complete yet. If nothing further comes, what has begun is the last one.
    @Nullable String next() {
        if (depth == 0) {
            skipSpace();
        }
        if (start == end) {
            shrink();
            return null;
        }
        if (depth == 0 && bytes[start] != '{') {
            return take(end);
        }
        while (scanned < end) {
            if (closes(bytes[scanned++])) {
                return take(scanned);
            }
        }
        return complete ? take(end) : null;
    }

    private void skipSpace() {
        while (start < end && " \t\r\n".indexOf(bytes[start]) >= 0) {
            start++;
        }
        scanned = start;
    }

    /// Whether the object ends with this byte. Those of other characters than ASCII's are none of these.
    private boolean closes(byte c) {
        if (escaped) {
            escaped = false;
        } else if (quoted) {
            escaped = c == '\\';
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            depth--;
            return depth == 0;
        }
        return false;
    }

    private String take(int to) {
        String value = new String(bytes, start, to - start, StandardCharsets.UTF_8);
        start = to;
        scanned = to;
        depth = 0;
        quoted = false;
        escaped = false;
        return value;
    }

    private void shrink() {
        if (bytes.length > KEPT_BYTES_MAX) {
            bytes = Arrays.copyOf(bytes, 0);
        }
        start = 0;
        scanned = 0;
        end = 0;
    }
}
