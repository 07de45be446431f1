package io.lattice.gateway.cli;

/// What a command may do to the process it runs in; a fake stands in for it in tests.
interface HostProcess {
    /// This process.
    HostProcess REAL =
            new HostProcess() {
                @Override
                public void onShutdown(Runnable action) {
                    Runtime.getRuntime().addShutdownHook(new Thread(action, "lattice-shutdown"));
                }

                @Override
                public void halt(int status) {
                    Runtime.getRuntime().halt(status);
                }
            };

    /// Runs an action when the process is asked to end: by SIGTERM, SIGINT or `System.exit`.
    void onShutdown(Runnable action);

    /// Ends the process at once. Called from a shutdown action it decides the exit status, which the
    /// runtime would otherwise make 128 + the signal's number.
    void halt(int status);
}
