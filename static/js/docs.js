// Starts the reader of the API's document. The browser's own session signs what is tried, with its CSRF token.
"use strict";
(() => {
  const place = document.getElementById("docs");
  const token = place.dataset.csrf;
  window.SwaggerUIBundle({
    url: place.dataset.schema,
    domNode: place,
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    validatorUrl: null,
    presets: [window.SwaggerUIBundle.presets.apis],
    requestInterceptor: (request) => {
      request.headers["X-CSRFToken"] = token;
      return request;
    },
  });
})();
