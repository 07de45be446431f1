package io.lattice.it.differential;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// All messages that are one small step simpler than a given one.
final class Simplifications {
    /// Larger numbers are symbolic revisions or edges of the type.
    private static final long MAX_PLAIN_NUMBER = 1_000;

    private Simplifications() {}

    /// Each with one field cleared, one element taken out, one value or number made smaller, or one message inside
    /// simplified; the coarsest first.
    static List<Message> of(Message message) {
        List<Message> simpler = new ArrayList<>();
        List<Message> finer = new ArrayList<>();
        for (Map.Entry<FieldDescriptor, Object> field : message.getAllFields().entrySet()) {
            FieldDescriptor descriptor = field.getKey();
            simpler.add(message.toBuilder().clearField(descriptor).build());
            if (descriptor.isRepeated()) {
                List<?> values = (List<?>) field.getValue();
                for (int i = 0; i < values.size(); i++) {
                    simpler.add(without(message, descriptor, values, i));
                    addInner(finer, message, descriptor, values, i);
                }
            } else if (field.getValue() instanceof Message inner) {
                for (Message other : of(inner)) {
                    finer.add(message.toBuilder().setField(descriptor, other).build());
                }
            } else if (field.getValue() instanceof ByteString bytes && bytes.size() > 1) {
                finer.add(
                        message.toBuilder()
                                .setField(descriptor, bytes.substring(0, bytes.size() / 2))
                                .build());
            } else if (field.getValue() instanceof Long number
                    && number > 1
                    && number < MAX_PLAIN_NUMBER) {
                finer.add(message.toBuilder().setField(descriptor, number - 1).build());
            }
        }
        simpler.addAll(finer);
        return simpler;
    }

    private static Message without(
            Message message, FieldDescriptor descriptor, List<?> values, int index) {
        Message.Builder builder = message.toBuilder().clearField(descriptor);
        for (int i = 0; i < values.size(); i++) {
            if (i != index) {
                builder.addRepeatedField(descriptor, values.get(i));
            }
        }
        return builder.build();
    }

    private static void addInner(
            List<Message> finer,
            Message message,
            FieldDescriptor descriptor,
            List<?> values,
            int index) {
        if (values.get(index) instanceof Message inner) {
            for (Message other : of(inner)) {
                finer.add(message.toBuilder().setRepeatedField(descriptor, index, other).build());
            }
        }
    }
}
