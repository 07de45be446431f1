package io.lattice.it.differential;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import com.google.protobuf.TextFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Finds the first field in which two messages of one type differ.
final class MessageDifference {
    private MessageDifference() {}

    /// Null if the messages are equal, else the field's path and both values.
    static @Nullable String between(String path, Message expected, Message actual) {
        for (FieldDescriptor field : expected.getDescriptorForType().getFields()) {
            String at = path + "." + field.getName();
            String found = inField(at, field, expected, actual);
            if (found != null) {
                return found;
            }
        }
        return expected.getUnknownFields().equals(actual.getUnknownFields())
                ? null
                : path + ": unknown fields differ";
    }

    private static @Nullable String inField(
            String at, FieldDescriptor field, Message expected, Message actual) {
        if (field.isRepeated()) {
            return between(
                    at, (List<?>) expected.getField(field), (List<?>) actual.getField(field));
        }
        if (field.hasPresence() && expected.hasField(field) != actual.hasField(field)) {
            return "%s: %s instead of %s"
                    .formatted(at, presence(actual, field), presence(expected, field));
        }
        return between(at, expected.getField(field), actual.getField(field));
    }

    private static String presence(Message message, FieldDescriptor field) {
        return message.hasField(field) ? show(message.getField(field)) : "nothing";
    }

    private static @Nullable String between(String at, List<?> expected, List<?> actual) {
        for (int i = 0; i < Math.min(expected.size(), actual.size()); i++) {
            String found = between("%s[%d]".formatted(at, i), expected.get(i), actual.get(i));
            if (found != null) {
                return found;
            }
        }
        return expected.size() == actual.size()
                ? null
                : "%s: %d elements instead of %d".formatted(at, actual.size(), expected.size());
    }

    private static @Nullable String between(String at, Object expected, Object actual) {
        if (expected instanceof Message left && actual instanceof Message right) {
            return between(at, left, right);
        }
        return expected.equals(actual)
                ? null
                : "%s: %s instead of %s".formatted(at, show(actual), show(expected));
    }

    private static String show(Object value) {
        return switch (value) {
            case Message message ->
                    "{ %s }"
                            .formatted(
                                    TextFormat.printer()
                                            .emittingSingleLine(true)
                                            .printToString(message));
            case ByteString bytes -> "\"%s\"".formatted(TextFormat.escapeBytes(bytes));
            default -> value.toString();
        };
    }
}
