// What our pages do by themselves; in a file of its own, since the content security policy runs no script of a page.
document.addEventListener("DOMContentLoaded", () => {
    // Jobs: how far one is. On a page that waits for a job's result only its end matters.
    const watched = document.querySelector("[data-job-state]");
    const look = () => {
        fetch(watched.dataset.jobState, { credentials: "same-origin" }).then((answer) => answer.json()).then((state) => {
            if (state.over) { window.location.reload(); return; }
            if (document.getElementById("job-words")) {
                document.getElementById("job-words").textContent = state.words;
                document.getElementById("job-hint").textContent = state.hint;
                document.getElementById("job-badge").innerHTML = state.badge;
                document.getElementById("job-bar").style.width = `${state.percent}%`;
            }
            window.setTimeout(look, 1000);
        }).catch(() => window.setTimeout(look, 3000));
    };
    if (watched) window.setTimeout(look, 1000);

    document.addEventListener("change", (event) => {
        if (event.target.matches("[data-sends-its-form]")) event.target.form.submit();
    });
    document.addEventListener("click", (event) => {
        if (event.target.closest("[data-prints]")) window.print();
    });
    // The theme's script would write a chosen file's name into the first text field above.
    for (const input of document.querySelectorAll(".cf-file")) input.hasChangeListener = true;
});
