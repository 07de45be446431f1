package io.lattice.it.differential;

import com.google.protobuf.Message;

/// One request of a sequence.
///
/// @param member which member of a cluster gets it, counted from 0, taken modulo its size
/// @param request may hold [SymbolicRevisions]
public record Step(Call call, int member, Message request) {
    private static final int SHOWN_CHARACTERS = 1_000;

    Step withRequest(Message other) {
        return new Step(call, member, other);
    }

    @Override
    public String toString() {
        String text = SymbolicRevisions.print(request);
        if (text.length() > SHOWN_CHARACTERS) {
            text = text.substring(0, SHOWN_CHARACTERS) + "…";
        }
        return "%s(n%d) { %s}"
                .formatted(call.title(), member + 1, text.isEmpty() ? "" : text + " ");
    }
}
