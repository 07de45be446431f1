package io.lattice.it.differential;

import com.google.protobuf.Message;

/// The first request of a sequence that two stores answered differently.
///
/// @param index its place in the sequence
/// @param request as it was sent, with plain revisions
/// @param difference the first field that differs
public record Divergence(
        int index, Step step, Message request, Reply expected, Reply actual, String difference) {

    @Override
    public String toString() {
        return """
        request %d: %s
          sent as:  %s
          differs:  %s
          expected: %s
          actual:   %s
        """
                .formatted(
                        index,
                        step,
                        new Step(step.call(), step.member(), request),
                        difference,
                        expected,
                        actual);
    }
}
