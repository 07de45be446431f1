package io.lattice.it.differential;

import com.google.protobuf.Message;
import io.grpc.Status;
import java.util.List;
import java.util.stream.Collectors;

/// All that a server answered to one request.
///
/// @param messages one for a unary call that succeeded, any number for a stream
/// @param text the status message; empty if there is none
public record Reply(List<Message> messages, Status.Code code, String text) {
    private static final int SHOWN_CHARACTERS = 2_000;

    public Reply {
        messages = List.copyOf(messages);
    }

    /// A reply that succeeded with one message.
    public static Reply of(Message message) {
        return new Reply(List.of(message), Status.Code.OK, "");
    }

    public boolean isOk() {
        return code == Status.Code.OK;
    }

    /// The only message of a unary reply.
    public Message single() {
        if (messages.size() != 1) {
            throw new IllegalStateException("expected one message, got " + this);
        }
        return messages.get(0);
    }

    @Override
    public String toString() {
        String shown =
                messages.stream()
                        .map(SymbolicRevisions::shorten)
                        .collect(Collectors.joining(" | "));
        if (shown.length() > SHOWN_CHARACTERS) {
            shown = shown.substring(0, SHOWN_CHARACTERS) + "…";
        }
        return isOk() ? "OK " + shown : "%s \"%s\" %s".formatted(code, text, shown);
    }
}
