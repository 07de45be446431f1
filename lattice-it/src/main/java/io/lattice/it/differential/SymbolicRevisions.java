package io.lattice.it.differential;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import com.google.protobuf.TextFormat;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/// Revisions relative to the store's state, so that a request means the same when it is replayed or when
/// the requests before it are taken away.
///
/// They travel as ordinary 64-bit fields: a number near 2^40 is relative to the current revision, one
/// near 2^41 to the compacted one. No store under test gets that far.
final class SymbolicRevisions {
    private static final long CURRENT = 1L << 40;
    private static final long COMPACTED = 1L << 41;
    private static final long WINDOW = 1L << 20;
    private static final Pattern NUMBER = Pattern.compile("\\b\\d{13}\\b");

    private static final Pattern ZEROES = Pattern.compile("(?:\\\\000){16,}");
    private static final int ZERO_TEXT = "\\000".length();

    private SymbolicRevisions() {}

    /// The current revision plus `offset`.
    static long current(long offset) {
        return CURRENT + offset;
    }

    /// The compacted revision plus `offset`.
    static long compacted(long offset) {
        return COMPACTED + offset;
    }

    /// `message` with every relative revision, however deep, replaced by a number.
    static Message resolve(Message message, long current, long compacted) {
        Message.Builder builder = message.toBuilder();
        for (Map.Entry<FieldDescriptor, Object> field : message.getAllFields().entrySet()) {
            FieldDescriptor descriptor = field.getKey();
            if (descriptor.isRepeated()) {
                List<?> values = (List<?>) field.getValue();
                for (int i = 0; i < values.size(); i++) {
                    builder.setRepeatedField(
                            descriptor, i, resolveValue(values.get(i), current, compacted));
                }
            } else {
                builder.setField(descriptor, resolveValue(field.getValue(), current, compacted));
            }
        }
        return builder.build();
    }

    private static Object resolveValue(Object value, long current, long compacted) {
        if (value instanceof Message message) {
            return resolve(message, current, compacted);
        }
        if (value instanceof Long number) {
            if (isNear(number, CURRENT)) {
                return number - CURRENT + current;
            }
            if (isNear(number, COMPACTED)) {
                return number - COMPACTED + compacted;
            }
        }
        return value;
    }

    private static boolean isNear(long number, long anchor) {
        return Math.abs(number - anchor) < WINDOW;
    }

    /// `message` on one line, with relative revisions by name, such as `current-2`.
    static String print(Message message) {
        return NUMBER.matcher(shorten(message))
                .replaceAll(found -> name(Long.parseLong(found.group())));
    }

    /// `message` on one line, with long runs of zero bytes counted instead of shown.
    static String shorten(Message message) {
        String text = TextFormat.printer().emittingSingleLine(true).printToString(message);
        return ZEROES.matcher(text)
                .replaceAll(
                        found -> "<%d zero bytes>".formatted(found.group().length() / ZERO_TEXT));
    }

    private static String name(long number) {
        if (isNear(number, CURRENT)) {
            return "current" + offset(number - CURRENT);
        }
        return isNear(number, COMPACTED)
                ? "compacted" + offset(number - COMPACTED)
                : Long.toString(number);
    }

    private static String offset(long offset) {
        return offset == 0 ? "" : (offset > 0 ? "+" : "") + offset;
    }
}
