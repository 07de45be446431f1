/// The client port: one listener for gRPC, HTTP/1.1 and HTTP/2, the limits of its connections, the JSON gateway, and the endpoints
/// for health and version. Runs on the event loops of the port and blocks none; calls of the JSON gateway go through the same
/// interceptors and services as gRPC's, without a network between. Knows neither the configuration nor consensus.
@NullMarked
package io.lattice.gateway.http;

import org.jspecify.annotations.NullMarked;
