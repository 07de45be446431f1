package io.lattice.cp.client;

import java.io.IOException;

/// No endpoint of the control plane gave an answer, or none that could be used. The message says what each of them did.
public final class ControlPlaneException extends IOException {
    private static final long serialVersionUID = 1L;

    ControlPlaneException(String message, Throwable cause) {
        super(message, cause);
    }
}
