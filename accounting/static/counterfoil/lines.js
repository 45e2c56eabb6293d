// The grid of a manual entry: its sums while one types, and further lines. Without it the form works all the same.
(() => {
    const table = document.querySelector(".cf-lines");
    const body = table.querySelector("tbody");
    const amount = (input) => BigInt(Math.round(Number(input.value.replaceAll(",", "")) * 10000) || 0);
    const shown = (value) => (Number(value) / 10000).toLocaleString(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 4 });
    const sum = (side) => [...body.querySelectorAll(`[name$=_${side}]`)].reduce((total, input) => total + amount(input), 0n);
    const update = () => {
        const debit = sum("debit"), credit = sum("credit");
        table.querySelector("[data-sum=debit]").textContent = shown(debit);
        table.querySelector("[data-sum=credit]").textContent = shown(credit);
        const difference = debit - credit;
        table.querySelector("[data-difference]").textContent = difference === 0n ? (debit ? "In balance" : "")
            : `${difference > 0n ? "Debits" : "Credits"} are ${shown(difference > 0n ? difference : -difference)} more`;
    };
    table.querySelector("[data-add-line]").addEventListener("click", () => {
        const number = body.rows.length;
        const row = body.rows[number - 1].cloneNode(true);
        for (const input of row.querySelectorAll("[name]")) {
            input.name = input.name.replace(/^line\d+/, `line${number}`);
            input.id = `id_${input.name}`;
            input.value = "";
            const label = input.getAttribute("aria-label");
            if (label) input.setAttribute("aria-label", label.replace(/\d+$/, number + 1));
        }
        body.append(row);
        row.querySelector("select").focus();
    });
    body.addEventListener("input", update);
    update();
})();
